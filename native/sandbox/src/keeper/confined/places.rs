//! Where a program's directories are: it is told so in its command and environment, because /work is none of the machine's.
//! And which of the machine's own it sees, which may lie below a directory whose name is one of a program's: /tmp/tools.

use std::path::{Path, PathBuf};

/// As a job names them. Nothing else has a place of its own here.
const NAMES: [&str; 3] = ["work", "program", "tmp"];

#[derive(Clone, Debug)]
pub struct Places {
    root: PathBuf,
    /// As text, for words.
    root_text: String,
    trees: Vec<String>,
}

impl Places {
    pub fn new(root: PathBuf, trees: Vec<String>) -> Self {
        Self { root_text: root.display().to_string(), root, trees }
    }

    /// What of the machine a program may read.
    pub fn trees(&self) -> &[String] {
        &self.trees
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn all(&self) -> [PathBuf; 3] {
        NAMES.map(|name| self.root.join(name))
    }

    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub fn program(&self) -> PathBuf {
        self.root.join("program")
    }

    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where a job's path is; None if that is outside.
    pub fn path(&self, path: &str) -> Option<PathBuf> {
        let inside = path.strip_prefix('/')?;
        NAMES.contains(&inside.split('/').next()?).then(|| self.root.join(inside))
    }

    /// A word of a command or of the environment with our paths in the place of those that a job names. A word of several
    /// lines is a program's text, and is left as it is.
    pub fn word(&self, word: &str) -> String {
        if word.contains('\n') {
            return word.to_owned();
        }
        let mut told = String::with_capacity(word.len());
        let mut rest = word;
        while let Some(at) = rest.find('/') {
            let before = rest[..at].chars().next_back().or_else(|| told.chars().next_back());
            told.push_str(&rest[..at]);
            rest = &rest[at..];
            if !before.is_some_and(belongs_to_path) && self.is_ours(rest) {
                told.push_str(&self.root_text);
            }
            told.push('/');
            rest = &rest[1..];
        }
        told + rest
    }

    /// Whether the path that the text begins with is a job's name for something that lies in our places.
    fn is_ours(&self, text: &str) -> bool {
        NAMES.iter().any(|name| begins_with(&text[1..], name)) && !self.trees.iter().any(|tree| begins_with(text, tree))
    }
}

/// Whether this name is a whole part of the path that the text begins with.
fn begins_with(text: &str, name: &str) -> bool {
    text.strip_prefix(name)
        .is_some_and(|rest| !rest.chars().next().is_some_and(|next| next != '/' && belongs_to_path(next)))
}

fn belongs_to_path(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '/' | '.' | '_' | '-' | '~' | '+' | '@' | '%' | '$' | '}' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> String {
        Places::new(PathBuf::from("/s/run"), vec!["/usr".to_owned(), "/tmp/tools".to_owned()]).word(text)
    }

    #[test]
    fn whole_paths_are_found_wherever_they_stand_in_a_word() {
        for (given, told) in [
            ("/program/main", "/s/run/program/main"),
            ("/work", "/s/run/work"),
            ("HOME=/work", "HOME=/s/run/work"),
            ("-cp=/program:/work", "-cp=/s/run/program:/s/run/work"),
            (".:/tmp/a:/work/b", ".:/s/run/tmp/a:/s/run/work/b"),
            ("/tmp/toolsmith", "/s/run/tmp/toolsmith"),
            (
                "cd '/work' && tar xf /program/main; ls /tmp",
                "cd '/s/run/work' && tar xf /s/run/program/main; ls /s/run/tmp",
            ),
        ] {
            assert_eq!(word(given), told);
        }
    }

    #[test]
    fn other_paths_and_programs_stay_as_they_are() {
        for same in [
            "/usr/bin/python3",
            "/working",
            "/usr/work/x",
            "a/work",
            "./tmp",
            "../program",
            "/work.d",
            "PATH=/usr/local/bin:/bin",
            "http://work/",
            "/tmp/tools/true",
            "PATH=/bin:/tmp/tools",
            "print(1)\nopen('/tmp/x')",
            "",
            "/",
        ] {
            assert_eq!(word(same), same);
        }
    }

    #[test]
    fn files_are_only_in_the_three_places() {
        let places = Places::new(PathBuf::from("/s/run"), Vec::new());
        assert_eq!(places.path("/work/a/b"), Some(PathBuf::from("/s/run/work/a/b")));
        for outside in ["/etc/passwd", "work/a", "/dev/shm/x", "/workx/a", "/"] {
            assert_eq!(places.path(outside), None, "{outside}");
        }
    }
}
