//! The oracle's representation of a text of any level: statements over named tensors and named axes.

use einfold_ir::{BinaryOp, Function, Literal};
use einfold_syntax::Assign;

/// `name[left] assign right for sizes`.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) name: String,
    pub(crate) left: Vec<Left>,
    pub(crate) assign: Assign,
    pub(crate) right: Expr,
    pub(crate) sizes: Vec<(String, Size)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Left {
    pub(crate) index: Index,
    pub(crate) size: Option<Size>,
}

#[derive(Clone, Debug)]
pub(crate) enum Size {
    Number(usize),
    Parameter(String),
    Of(String, usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Index {
    Axis(String),
    Dots,
    Group(Vec<String>),
    Affine(Affine),
}

/// A sum of constants, multiples of axes, and multiples of elements of index tensors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Affine {
    pub(crate) offset: i128,
    pub(crate) axes: Vec<(i128, String)>,
    pub(crate) ids: Vec<(i128, Access)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) tensor: String,
    pub(crate) indices: Vec<Index>,
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Number(Literal),
    Size(Size),
    Read(Access),
    Negation(Box<Expr>),
    /// Summands, each with whether it is subtracted.
    Sum(Vec<(bool, Expr)>),
    /// Factors, each with whether it is a divisor.
    Product(Vec<(bool, Expr)>),
    Call(Function, Vec<Expr>),
    /// Values combined by the ⊗ of an algebra, in letters and named subscripts.
    Joined(BinaryOp, Vec<Expr>),
}

impl Expr {
    pub(crate) fn parts(&self) -> Vec<&Expr> {
        match self {
            Expr::Number(_) | Expr::Size(_) | Expr::Read(_) => Vec::new(),
            Expr::Negation(inner) => vec![inner],
            Expr::Sum(list) | Expr::Product(list) => list.iter().map(|(_, e)| e).collect(),
            Expr::Call(_, list) | Expr::Joined(_, list) => list.iter().collect(),
        }
    }

    /// The tensors whose elements it reads, without index tensors.
    pub(crate) fn reads(&self) -> Vec<&Access> {
        match self {
            Expr::Read(access) => vec![access],
            other => other.parts().into_iter().flat_map(Expr::reads).collect(),
        }
    }

    /// The axes in it, including those in indices of index tensors.
    pub(crate) fn axes(&self) -> Vec<&str> {
        self.reads().into_iter().flat_map(|r| &r.indices).flat_map(Index::axes).collect()
    }
}

impl Index {
    /// The axes in it, including those in indices of index tensors.
    pub(crate) fn axes(&self) -> Vec<&str> {
        match self {
            Index::Axis(name) => vec![name],
            Index::Dots => Vec::new(),
            Index::Group(names) => names.iter().map(String::as_str).collect(),
            Index::Affine(affine) => {
                let own = affine.axes.iter().map(|(_, name)| name.as_str());
                own.chain(affine.ids.iter().flat_map(|(_, a)| &a.indices).flat_map(Index::axes)).collect()
            }
        }
    }

    /// The index tensors that it reads, including nested ones.
    pub(crate) fn ids(&self) -> Vec<&Access> {
        let Index::Affine(affine) = self else { return Vec::new() };
        let nested = |a| std::iter::once(a).chain(Access::ids(a));
        affine.ids.iter().flat_map(|(_, a)| nested(a)).collect()
    }
}

impl Access {
    pub(crate) fn ids(&self) -> Vec<&Access> {
        self.indices.iter().flat_map(Index::ids).collect()
    }

    /// The number of axes covered by indices other than `...`, and whether there is an ellipsis.
    pub(crate) fn written(&self) -> (usize, bool) {
        let dots = self.indices.iter().any(|i| matches!(i, Index::Dots));
        (self.indices.len() - usize::from(dots), dots)
    }
}

impl Statement {
    /// All accesses that are read, including index tensors.
    pub(crate) fn reads(&self) -> Vec<&Access> {
        let right = self.right.reads().into_iter().flat_map(|r| std::iter::once(r).chain(r.ids()));
        right.chain(self.left.iter().flat_map(|l| l.index.ids())).collect()
    }

    /// All axes in order of first occurrence; those of the left side come first.
    pub(crate) fn axes(&self) -> Vec<&str> {
        let left = self.left.iter().flat_map(|l| l.index.axes());
        let all = left.chain(self.right.axes()).chain(self.sizes.iter().map(|(name, _)| name.as_str()));
        once(all)
    }

    /// The axes that index the left side directly or in a merged axis.
    pub(crate) fn kept(&self) -> Vec<&str> {
        let plain = self.left.iter().filter(|l| matches!(l.index, Index::Axis(_) | Index::Group(_)));
        plain.flat_map(|l| l.index.axes()).collect()
    }
}

/// Removes duplicates, keeping the order of first occurrence.
pub(crate) fn once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut list = Vec::new();
    names.for_each(|name| {
        if !list.contains(&name) {
            list.push(name);
        }
    });
    list
}
