//! The list of tuple sizes for operands, types, targets and results.

/// Calls `$then!` once for each tuple size, with names for its elements: one to twelve, or two to eight.
macro_rules! for_each_tuple {
    (1..=12, $then:ident) => {
        $then!(A);
        crate::tuples::for_each_tuple!(2..=8, $then);
        $then!(A B C D E F G H I);
        $then!(A B C D E F G H I J);
        $then!(A B C D E F G H I J K);
        $then!(A B C D E F G H I J K L);
    };
    (2..=8, $then:ident) => {
        $then!(A B);
        $then!(A B C);
        $then!(A B C D);
        $then!(A B C D E);
        $then!(A B C D E F);
        $then!(A B C D E F G);
        $then!(A B C D E F G H);
    };
}

pub(crate) use for_each_tuple;
