//! The one list of the tuples that stand for several operands, types, targets or results.

/// Calls `$then!` with the names of each tuple, one call a tuple: of one to twelve, or of two to eight.
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
