//! The sizes of the axes of one statement (points 20 to 23 of the definition).

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Access, Affine, Index, Left, Statement};
use super::{Env, Refusal};

/// Sizes by axis.
pub(crate) type Sizes = BTreeMap<String, usize>;

/// The statement with one axis (`...0` and so on) for each axis that `...` covers, aligned at the right.
pub(crate) fn spread(statement: &Statement, env: &Env<'_>) -> Result<Statement, Refusal> {
    let mut most = 0;
    for access in statement.reads() {
        let (written, dots) = access.written();
        let covered = env.tensor(&access.tensor).shape.len().checked_sub(written).ok_or("rank")?;
        if covered > 0 && !dots {
            return Err("rank");
        }
        most = most.max(covered);
    }
    let dots = |i: &Index| matches!(i, Index::Dots);
    let on_left = |l: &Left| dots(&l.index) || l.index.ids().iter().any(|a| a.indices.iter().any(dots));
    if most > 0 && !statement.left.iter().any(on_left) {
        return Err("ellipsis-dropped");
    }
    let spread = Spread { env, most };
    let mut new = statement.clone();
    new.left = Vec::new();
    for left in &statement.left {
        match &left.index {
            Index::Dots => new.left.extend(spread.axes(most).map(|index| Left { index, size: None })),
            index => new.left.push(Left { index: spread.index(index), size: left.size.clone() }),
        }
    }
    new.right = spread.expr(&statement.right);
    Ok(new)
}

struct Spread<'a> {
    env: &'a Env<'a>,
    most: usize,
}

impl Spread<'_> {
    fn axes(&self, covered: usize) -> impl Iterator<Item = Index> + use<> {
        (self.most - covered..self.most).map(|k| Index::Axis(format!("...{k}")))
    }

    fn index(&self, index: &Index) -> Index {
        let Index::Affine(affine) = index else { return index.clone() };
        let ids = affine.ids.iter().map(|(coef, access)| (*coef, self.access(access))).collect();
        Index::Affine(Affine { ids, ..affine.clone() })
    }

    fn access(&self, access: &Access) -> Access {
        let covered = self.env.tensor(&access.tensor).shape.len() - access.written().0;
        let mut indices = Vec::new();
        for index in &access.indices {
            match index {
                Index::Dots => indices.extend(self.axes(covered)),
                other => indices.push(self.index(other)),
            }
        }
        Access { tensor: access.tensor.clone(), indices }
    }

    fn expr(&self, e: &super::model::Expr) -> super::model::Expr {
        use super::model::Expr::{Call, Joined, Negation, Product, Read, Sum};
        let pairs = |list: &[(bool, super::model::Expr)]| list.iter().map(|(b, e)| (*b, self.expr(e))).collect();
        match e {
            Read(access) => Read(self.access(access)),
            Negation(inner) => Negation(Box::new(self.expr(inner))),
            Sum(list) => Sum(pairs(list)),
            Product(list) => Product(pairs(list)),
            Call(function, list) => Call(*function, list.iter().map(|e| self.expr(e)).collect()),
            Joined(op, list) => Joined(*op, list.iter().map(|e| self.expr(e)).collect()),
            other => other.clone(),
        }
    }
}

struct Solver<'a> {
    env: &'a Env<'a>,
    statement: &'a Statement,
    /// The known sizes of the left side.
    left: &'a [Option<usize>],
    known: Sizes,
}

/// Determines the sizes of axes as far as the statement and the sizes of its left side allow. Declared sizes come
/// first; other sizes broadcast to them, not the reverse. Remaining sizes of 1 are used only if `ones` is set. If a
/// step finds an error, the sizes of the earlier steps are returned.
pub(crate) fn solve(
    statement: &Statement,
    env: &Env<'_>,
    left: &[Option<usize>],
    ones: bool,
) -> (Sizes, Option<Refusal>) {
    let mut solver = Solver { env, statement, left, known: Sizes::new() };
    let left_over = match solver.declared().and_then(|declared| solver.plain(&declared)) {
        Ok(left_over) => left_over,
        Err(wrong) => return (Sizes::new(), Some(wrong)),
    };
    let plain = solver.known.clone();
    if let Err(wrong) = solver.rounds() {
        return (plain, Some(wrong));
    }
    let firm = solver.known.clone();
    if !ones {
        return (firm, None);
    }
    for axis in left_over {
        solver.known.entry(axis).or_insert(1);
    }
    match solver.rounds().and_then(|()| solver.told()).and_then(|()| solver.inside()) {
        Ok(()) => (solver.known, None),
        Err(wrong) => (firm, Some(wrong)),
    }
}

impl<'a> Solver<'a> {
    fn declared(&mut self) -> Result<BTreeSet<String>, Refusal> {
        let mut all: Vec<(&str, usize)> = Vec::new();
        for (axis, size) in &self.statement.sizes {
            all.push((axis, self.env.size(size)?));
        }
        for (position, size) in self.statement.left.iter().zip(self.left) {
            if let (Index::Axis(axis), Some(size)) = (&position.index, size) {
                all.push((axis, *size));
            }
        }
        for (axis, size) in all {
            if *self.known.entry(axis.to_string()).or_insert(size) != size {
                return Err("size");
            }
        }
        Ok(self.known.keys().cloned().collect())
    }

    /// Plain uses of axes. An axis of an affine index whose only plain size is 1 is determined by the affine index.
    fn plain(&mut self, declared: &BTreeSet<String>) -> Result<Vec<String>, Refusal> {
        let windows = self.windows().into_iter();
        let windowed: BTreeSet<&str> = windows.flat_map(|(w, _)| &w.axes).map(|(_, a)| a.as_str()).collect();
        let strict = self.env.options.strict;
        let mut ones = Vec::new();
        for access in self.statement.reads() {
            let shape = &self.env.tensor(&access.tensor).shape;
            let mut own = BTreeMap::new();
            for (index, &size) in access.indices.iter().zip(shape) {
                let Index::Axis(axis) = index else { continue };
                if *own.entry(axis).or_insert(size) != size {
                    return Err("size");
                }
                match self.known.get(axis) {
                    None if size == 1 && windowed.contains(axis.as_str()) && !strict => ones.push(axis.clone()),
                    None => drop(self.known.insert(axis.clone(), size)),
                    Some(&known) if known == size => {}
                    Some(_) if strict => return Err("size"),
                    Some(_) if size == 1 => {}
                    Some(1) if !declared.contains(axis) => drop(self.known.insert(axis.clone(), size)),
                    Some(_) => return Err("size"),
                }
            }
        }
        Ok(ones)
    }

    /// The affine indices that are read, each with the size of its axis.
    fn windows(&self) -> Vec<(&'a Affine, usize)> {
        let mut windows = Vec::new();
        for access in self.statement.reads() {
            for (index, &size) in access.indices.iter().zip(&self.env.tensor(&access.tensor).shape) {
                if let Index::Affine(affine) = index
                    && affine.ids.is_empty()
                {
                    windows.push((affine, size));
                }
            }
        }
        windows
    }

    /// The merged axes with a known product.
    fn groups(&self) -> Vec<(&'a [String], usize)> {
        let left = self.statement.left.iter().zip(self.left).filter_map(|(l, size)| Some((&l.index, (*size)?)));
        let read = |a: &'a Access| a.indices.iter().zip(self.env.tensor(&a.tensor).shape.iter().copied());
        let all = self.statement.reads().into_iter().flat_map(read).chain(left);
        all.filter_map(|(i, size)| if let Index::Group(g) = i { Some((&g[..], size)) } else { None }).collect()
    }

    /// Checks that no merged axis of size 0 has an unknown axis while another is 0, because then its size is not
    /// determined.
    fn told(&self) -> Result<(), Refusal> {
        for (group, size) in self.groups() {
            let known: Vec<usize> = group.iter().filter_map(|a| self.known.get(a).copied()).collect();
            if size == 0 && known.len() + 1 == group.len() && known.contains(&0) {
                return Err("size");
            }
        }
        Ok(())
    }

    fn rounds(&mut self) -> Result<(), Refusal> {
        loop {
            let before = self.known.len();
            let mut found = Sizes::new();
            for (group, size) in self.groups() {
                let unknown: Vec<&String> = group.iter().filter(|a| !self.known.contains_key(*a)).collect();
                let product: usize = group.iter().filter_map(|a| self.known.get(a)).product();
                match unknown[..] {
                    [] if product != size => return Err("size"),
                    [_] if product == 0 && size == 0 => {}
                    [_] if product == 0 || size % product != 0 => return Err("size"),
                    [axis] if *found.entry(axis.clone()).or_insert(size / product) != size / product => {
                        return Err("size");
                    }
                    _ => {}
                }
            }
            self.known.extend(found);
            if self.known.len() > before {
                continue;
            }
            let mut found = Sizes::new();
            for (window, size) in self.windows() {
                if let Some((axis, count)) = self.largest(window, size)? {
                    let least = found.entry(axis.to_string()).or_insert(count);
                    *least = count.min(*least);
                }
            }
            self.known.extend(found);
            if self.known.len() == before {
                return Ok(());
            }
        }
    }

    /// The only unknown axis of an affine index, and the largest size for which all positions are in range.
    fn largest<'w>(&self, window: &'w Affine, size: usize) -> Result<Option<(&'w str, usize)>, Refusal> {
        let unknown: Vec<&(i128, String)> =
            window.axes.iter().filter(|(c, a)| *c != 0 && !self.known.contains_key(a)).collect();
        let [(coef, axis)] = unknown[..] else { return Ok(None) };
        if *coef < 0 {
            return Ok(None);
        }
        let (low, high) = self.range(window);
        let count = (size as i128 - 1 - high).div_euclid(*coef) + 1;
        match usize::try_from(count) {
            _ if low < 0 => Err("index-out-of-range"),
            Ok(count) => Ok(Some((axis, count))),
            Err(_) => Err("size"),
        }
    }

    /// The least and the greatest position of the known part of an affine index.
    fn range(&self, window: &Affine) -> (i128, i128) {
        let reach = |(coef, axis): &(i128, String)| self.known.get(axis).map_or(0, |&n| coef * (n as i128 - 1));
        let part = |sign: i128| -> i128 { window.axes.iter().filter(|(c, _)| c * sign > 0).map(reach).sum() };
        (window.offset + part(-1), window.offset + part(1))
    }

    fn inside(&self) -> Result<(), Refusal> {
        for (window, size) in self.windows() {
            let runs = window.axes.iter().all(|(_, a)| self.known.get(a).is_some_and(|&n| n > 0));
            let (low, high) = self.range(window);
            if runs && (low < 0 || high >= size as i128) {
                return Err("index-out-of-range");
            }
        }
        Ok(())
    }
}
