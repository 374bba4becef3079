//! Levels 2 and 3: what the grammar allows at each place.

/// Declares [`Expected`] with the words and the help for each place.
macro_rules! expected {
    ($($name:ident = $what:literal, $help:literal;)*) => {
        /// A place of the grammar, by what it allows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Expected {
            $($name,)*
        }

        impl Expected {
            /// What the place allows, to follow "expected".
            pub(super) fn what(self) -> &'static str {
                match self {
                    $(Expected::$name => $what,)*
                }
            }

            /// Whether the place allows a closing bracket or parenthesis.
            pub(super) fn closes(self) -> bool {
                use Expected::{ArgumentEnd, AxisOrClose, IndexEnd, NameOrClose, ParenthesisEnd, PositionEnd, SizeClose};
                matches!(
                    self,
                    ArgumentEnd | AxisOrClose | IndexEnd | NameOrClose | ParenthesisEnd | PositionEnd | SizeClose
                )
            }

            /// The help if there is no more specific one.
            pub(super) fn help(self) -> &'static str {
                match self {
                    $(Expected::$name => $help,)*
                }
            }
        }
    };
}

expected! {
    Term = "`[`", "each operand is a list of axes in brackets, as in `[i j], [j k] -> [i k]`";
    TermEnd = "`,` or `->`", "separate the operands by `,`; the output follows `->`, as in `[i j], [j k] -> [i k]`";
    SpacedEnd = "an axis, `,` or `->`", "name the axes of each operand, as in `i j, j k -> i k`";
    Axis = "an axis", "an axis is a name";
    AxisOrClose = "an axis or `]`", "axes are names, `...`, or names in parentheses that share an axis: `(a b)`";
    OutputEnd = "the end of the text", "the output is the last term";
    Merged = "a name", "parentheses hold the names that share an axis, separated by spaces: `(a b)`";
    NameOrClose = "a name or `)`", "parentheses hold the names that share an axis, separated by spaces: `(a b)`";
    Statement = "a name", "a statement begins with what it defines, as in `Y[i] = x[i]`";
    Assign = "an assignment", "the assignments are `= += *= max= min= |= &= lse= mean=`";
    StatementEnd = "an operator or the end of the statement", "separate statements by `;` or a line end";
    PositionEnd = "`,`, `:` or `]`", "separate indices by `,`; a size follows `:`, as in `Y[g[n]:5,f]`";
    Size = "a size", "a size is an integer, the name of a parameter, or `size(X, 0)`";
    Tensor = "a tensor", "the size of an axis of a tensor is `size(X, 0)`";
    SizeComma = "`,`", "the size of an axis of a tensor is `size(X, 0)`";
    SizeClose = "`)`", "the size of an axis of a tensor is `size(X, 0)`";
    Integer = "an integer", "`size` counts axes from 0: `size(X, 0)`";
    Colon = "`:`", "`for` gives axes their sizes, as in `for i:3, j:4`";
    Index = "an index", "an index is an axis, an integer, a sum as in `x[2*i+k]`, a gather `x[g[n]]`, `...` or `(a b)`";
    IndexEnd = "`,` or `]`", "separate indices by `,`; an index is a sum of axes, integers and gathers, as in `x[2*i+k]`";
    Atom = "an axis or a gather", "a coefficient multiplies an axis or a gather, as in `x[2*i]`";
    Coefficient = "an integer", "in an index, only integers multiply, as in `x[2*i]`";
    Expression = "an expression", "an expression has numbers, elements `x[i]`, functions `exp(x[i])`, and `+ - * / ( )`";
    ParenthesisEnd = "an operator or `)`", "close the parenthesis";
    ArgumentEnd = "an operator, `,` or `)`", "separate arguments by `,`";
}
