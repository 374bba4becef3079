use super::{Note, Report, Severity};
use crate::span::Span;
use insta::assert_snapshot;

fn report(source: &str, notes: &[(u32, u32, &str)]) -> String {
    let notes: Vec<Note> = notes.iter().map(|&(a, b, text)| Note::new(Span::new(a, b), text)).collect();
    Report {
        severity: Severity::Error,
        code: "code",
        message: "message",
        source,
        notes: &notes,
        help: &["do this".to_string()],
    }
    .to_string()
}

#[test]
fn each_note_has_a_caret_line() {
    assert_snapshot!(report("ij,jk->ik", &[(3, 5, "second"), (0, 2, "first"), (9, 9, "end"), (4, 4, "")]), @r"
    error[code]: message
      | ij,jk->ik
      |    ^^ second
      | ^^ first
      |          ^ end
      |     ^
      = help: do this
    ");
}

#[test]
fn carets_stand_under_wide_and_combining_characters() {
    assert_snapshot!(report("字x,y字", &[(0, 3, "two columns"), (3, 4, "x"), (6, 9, "字")]), @r"
    error[code]: message
      | 字x,y字
      | ^^ two columns
      |   ^ x
      |      ^^ 字
      = help: do this
    ");
    assert_snapshot!(report("e\u{301}x,y", &[(1, 3, "the mark, under its letter"), (3, 4, "x"), (0, 3, "both")]), @r"
    error[code]: message
      | éx,y
      | ^ the mark, under its letter
      |  ^ x
      | ^ both
      = help: do this
    ");
    assert_snapshot!(report("\u{301}x", &[(0, 2, "a mark alone"), (2, 3, "x")]), @r"
    error[code]: message
      | ́x
      | ^ a mark alone
      | ^ x
      = help: do this
    ");
}

#[test]
fn hidden_characters_are_escaped() {
    assert_snapshot!(report("\ti\u{1b}[31m\u{202E}j\u{A0}", &[(0, 1, "tab"), (1, 2, "i"), (2, 3, "escape"), (10, 11, "j")]), @r"
    error[code]: message
      |     i\u{1b}[31m\u{202e}j\u{a0}
      | ^^^^ tab
      |     ^ i
      |      ^^^^^^ escape
      |                        ^ j
      = help: do this
    ");
}

#[test]
fn lines_are_numbered_if_there_are_several() {
    assert_snapshot!(report("ab\r\n字cd\n\nlast", &[(7, 8, "c"), (0, 9, "to the end of its line"), (2, 4, "break"), (11, 11, "empty")]), @r"
    error[code]: message
     1 | ab
       | ^^ to the end of its line
       |   ^ break
     2 | 字cd
       |   ^ c
     4 | last
       | ^ empty
      = help: do this
    ");
}

#[test]
fn long_lines_are_cut_around_each_note() {
    let source = "abc,".repeat(100);
    assert_snapshot!(report(&source, &[(0, 1, "start"), (200, 203, "middle"), (400, 400, "end")]), @r"
    error[code]: message
      | abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,…
      | ^ start
      | …c,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,abc,…
      |                                ^^^ middle
      | …c,abc,abc,abc,abc,abc,abc,abc,
      |                                ^ end
      = help: do this
    ");
}

#[test]
fn spans_off_the_text_or_within_a_character_do_no_harm() {
    assert_snapshot!(report("字", &[(1, 2, "inside"), (2, 90, "beyond"), (90, 91, "nowhere")]), @r"
    error[code]: message
      | 字
      | ^ inside
      | ^^ beyond
      = help: do this
    ");
    assert_snapshot!(report("", &[(0, 0, "nothing there")]), @r"
    error[code]: message
      |
      | ^ nothing there
      = help: do this
    ");
    assert_snapshot!(report("not shown", &[]), @r"
    error[code]: message
      = help: do this
    ");
}
