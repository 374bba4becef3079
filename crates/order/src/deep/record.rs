//! The record of a search, from which it is repeated.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Effort;

/// The record of a search by `deep`. [`Order::Replay`](crate::Order::Replay) repeats the search exactly, for the same
/// task, objective and memory limit, on any machine and regardless of time.
///
/// Its text form is the version of the format, the effort, the seed, the number of the trial, the answers of the clock
/// as run lengths, and the poll at which a watch ended it, if one did: `1:t1000000000:7:0:3.12.40`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplayRecord {
    pub(super) effort: Effort,
    pub(super) seed: u64,
    pub(super) trial: u64,
    pub(super) runs: Vec<u32>,
    /// The number of the poll that ended the search, if it was ended.
    pub(super) stopped: Option<u64>,
}

/// The error for a text that is not a valid [`ReplayRecord`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the record of a search, which has the form 1:t1000000000:7:0:3.12.40")]
pub struct RecordError;

impl fmt::Display for ReplayRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1:")?;
        match self.effort {
            Effort::Auto => f.write_str("a")?,
            Effort::Trials(trials) => write!(f, "n{trials}")?,
            Effort::Work(work) => write!(f, "w{work}")?,
            Effort::Time(time) => write!(f, "t{}", time.as_nanos())?,
        }
        write!(f, ":{}:{}:", self.seed, self.trial)?;
        let mut dot = "";
        self.runs.iter().try_for_each(|run| write!(f, "{}{run}", std::mem::replace(&mut dot, ".")))?;
        self.stopped.map_or(Ok(()), |poll| write!(f, ":{poll}"))
    }
}

impl FromStr for ReplayRecord {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<ReplayRecord, RecordError> {
        parse(text).ok_or(RecordError)
    }
}

fn parse(text: &str) -> Option<ReplayRecord> {
    let fields: Vec<&str> = text.trim().split(':').collect();
    let (&[version, effort, seed, trial, runs], stopped) = fields.split_first_chunk()?;
    let stopped = match stopped {
        [] => None,
        [poll] => Some(poll.parse().ok()?),
        _ => return None,
    };
    let effort = match effort.split_at_checked(1)? {
        ("a", "") => Effort::Auto,
        ("n", trials) => Effort::Trials(trials.parse().ok()?),
        ("w", work) => Effort::Work(work.parse().ok()?),
        ("t", nanos) => Effort::Time(Duration::from_nanos(nanos.parse().ok()?)),
        _ => return None,
    };
    let runs = runs.split('.').map(|run| run.parse().ok()).collect::<Option<Vec<u32>>>()?;
    (version == "1").then_some(ReplayRecord {
        effort,
        seed: seed.parse().ok()?,
        trial: trial.parse().ok()?,
        runs,
        stopped,
    })
}
