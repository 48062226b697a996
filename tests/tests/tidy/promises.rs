//! Documents that name the test of a rule name one that exists.

use crate::File;

/// In every table whose last column is headed `test`, that column names tests of this repository, each
/// between back-quotes, or says what checks the rule when that is no test of its own.
pub fn check_tests_exist(file: &File, files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut in_table = false;
    for (line, number) in file.text().lines().zip(1..) {
        let cells: Vec<&str> = line.trim().split('|').map(str::trim).collect();
        let Some(last) = cells.iter().rev().nth(1).filter(|_| line.starts_with('|')) else {
            in_table = false;
            continue;
        };
        if !in_table {
            in_table = *last == "test" || *last == "tests";
            continue;
        }
        if last.starts_with("--") {
            continue;
        }
        let names: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            findings.push(format!("{}:{number}: a rule without a test", file.path));
        }
        for name in names {
            if !exists(name, files) {
                findings.push(format!("{}:{number}: no test {name}", file.path));
            }
        }
    }
    findings
}

/// Whether a test of this name is there: a function, or a module or file full of them.
fn exists(name: &str, files: &[File]) -> bool {
    let function = name.rsplit("::").next().unwrap_or(name);
    let forms = [format!("fn {function}("), format!("def {function}(")];
    files.iter().any(|file| {
        let is_code = file.is_rust() || file.path.ends_with(".py");
        is_code
            && (file.path.ends_with(name) || forms.iter().any(|form| file.text().contains(form)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_string(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_table_of_tests_is_checked_and_others_are_not() {
        let files = [
            file("a.rs", "fn it_works() {}"),
            file("tests/b.py", "def test_it(x):"),
        ];
        let good = "| rule | test |\n|---|---|\n| a | `it_works`, `test_it` |\n| b | `tests/b.py` |\n\n\
                    | a | b |\n|---|---|\n| c | `nothing` |\n";
        assert!(check_tests_exist(&file("d.md", good), &files).is_empty());
        let bad = "| rule | test |\n|---|---|\n| a | `it_works_not` |\n| b | |\n";
        assert_eq!(check_tests_exist(&file("d.md", bad), &files).len(), 2);
    }
}
