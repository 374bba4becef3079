//! The instruction sets that kernels are compiled for, and the choice of one.

use std::sync::OnceLock;

/// An instruction set of this CPU: a value of this type proves that the CPU has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Isa(Name);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Name {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// `EINFOLD_KERNEL` names kernels that cannot run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsaError {
    /// The name is not `portable`, `avx2` or `avx512`.
    #[error("EINFOLD_KERNEL={name}: unknown kernels; the names are portable, avx2 and avx512")]
    Unknown {
        /// The value of the variable.
        name: String,
    },
    /// This CPU lacks the instructions.
    #[error("EINFOLD_KERNEL={name}: this CPU lacks the instructions")]
    Unsupported {
        /// The value of the variable.
        name: String,
    },
}

/// Calls a macro with its arguments and the CPU features of an instruction set, each a literal. This is the only list of them.
#[cfg(target_arch = "x86_64")]
macro_rules! with_features {
    (avx2 => $then:ident!($($arguments:tt)*)) => { $then! { $($arguments)* "avx2" "fma" } };
    (avx512 => $then:ident!($($arguments:tt)*)) => {
        $then! { $($arguments)* "avx2" "fma" "avx512f" "avx512bw" "avx512dq" "avx512vl" }
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use with_features;

/// One value for each instruction set.
pub(super) struct PerIsa<T> {
    pub(super) portable: T,
    #[cfg(target_arch = "x86_64")]
    pub(super) avx2: T,
    #[cfg(target_arch = "x86_64")]
    pub(super) avx512: T,
}

impl Isa {
    /// Plain Rust for the baseline of the target, which every CPU has.
    pub const PORTABLE: Isa = Isa(Name::Portable);

    /// All instruction sets of this CPU, the best last.
    pub fn available() -> Vec<Isa> {
        let names = [
            Name::Portable,
            #[cfg(target_arch = "x86_64")]
            Name::Avx2,
            #[cfg(target_arch = "x86_64")]
            Name::Avx512,
        ];
        names.into_iter().filter_map(Name::check).collect()
    }

    /// The instruction set that `EINFOLD_KERNEL` names, else the best. The variable is read once per process.
    ///
    /// # Errors
    /// [`IsaError`] if the name is unknown or the CPU lacks the instructions.
    pub fn chosen() -> Result<Isa, IsaError> {
        static CHOSEN: OnceLock<Result<Isa, IsaError>> = OnceLock::new();
        match CHOSEN.get_or_init(|| Isa::forced(std::env::var_os("EINFOLD_KERNEL").as_deref())) {
            Ok(isa) => Ok(*isa),
            Err(error) => Err(error.clone()),
        }
    }

    /// As [`Isa::chosen`], for one value of the variable. An empty value counts as unset.
    fn forced(name: Option<&std::ffi::OsStr>) -> Result<Isa, IsaError> {
        let name = name.map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        match &name[..] {
            "" => Ok(Isa::available().pop().unwrap_or(Isa::PORTABLE)),
            "portable" => Ok(Isa::PORTABLE),
            "avx2" | "avx512" => {
                Isa::available().into_iter().find(|i| i.name() == name).ok_or(IsaError::Unsupported { name })
            }
            _ => Err(IsaError::Unknown { name }),
        }
    }

    /// Its name, as `EINFOLD_KERNEL` takes it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Name::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Name::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Name::Avx512 => "avx512",
        }
    }

    pub(super) fn select<T>(self, all: &'static PerIsa<T>) -> &'static T {
        match self.0 {
            Name::Portable => &all.portable,
            #[cfg(target_arch = "x86_64")]
            Name::Avx2 => &all.avx2,
            #[cfg(target_arch = "x86_64")]
            Name::Avx512 => &all.avx512,
        }
    }
}

impl Name {
    /// Checks that the CPU has the features that the kernels are compiled with.
    fn check(self) -> Option<Isa> {
        #[cfg(target_arch = "x86_64")]
        macro_rules! detected {
            ($($feature:tt)*) => { $(is_x86_feature_detected!($feature))&&* };
        }
        let has = match self {
            Name::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Name::Avx2 => with_features!(avx2 => detected!()),
            #[cfg(target_arch = "x86_64")]
            Name::Avx512 => with_features!(avx512 => detected!()),
        };
        has.then_some(Isa(self))
    }
}

#[cfg(test)]
mod tests {
    use super::{Isa, IsaError};
    use std::ffi::OsStr;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_checks_run_the_kernels_of_the_same_cpu_features() {
        macro_rules! listed {
            ($name:literal $($feature:literal)*) => {
                (concat!($name, "_features=\""), [$($feature),*].join(" "))
            };
        }
        let script = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.ci/run")).unwrap();
        let lists = [with_features!(avx2 => listed!("avx2")), with_features!(avx512 => listed!("avx512"))];
        for (start, features) in lists {
            assert!(script.contains(&format!("{start}{features}\"\n")), "{start}{features}");
        }
    }

    #[test]
    fn a_forced_instruction_set_is_that_or_an_error() {
        let forced = |name: &str| Isa::forced(Some(OsStr::new(name)));
        assert_eq!(forced("portable"), Ok(Isa::PORTABLE));
        assert_eq!(forced("sse9"), Err(IsaError::Unknown { name: "sse9".into() }));
        let best = Isa::available().pop().unwrap();
        assert_eq!((forced(""), Isa::forced(None), forced(best.name())), (Ok(best), Ok(best), Ok(best)));
        for name in ["avx2", "avx512"] {
            let has = Isa::available().iter().any(|i| i.name() == name);
            assert_eq!(forced(name).map_err(|e| e == IsaError::Unsupported { name: name.into() }).is_ok(), has);
        }
    }
}
