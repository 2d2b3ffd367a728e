//! Which user ids the slots get: of the machine's, of /etc/subuid, or only the one that we have.

use std::fs;
use std::path::Path;

use assay_shared::fault::{Context, Result};
use assay_shared::sys;
use assay_shared::wire::{MAX_SLOTS, PROGRAM_ID};

use super::instance::MAX_INSTANCES;

/// The most ids of a slot: images will want a whole user map.
const MOST_OF_A_SLOT: u32 = 65_536;
/// Its root and its program.
const LEAST_OF_A_SLOT: u32 = 2;

/// How the ids of the supply come into a user map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// This process may mount: it needs no user namespace of its own.
    Administrator,
    /// It may write a map into a new user namespace.
    Writer,
    /// newuidmap and newgidmap may.
    Helper,
    /// Nobody may: there is our own id only.
    Nobody,
}

/// The ids that all instances of this user share out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    pub rights: Rights,
    own_uid: u32,
    pub first_uid: u32,
    pub first_gid: u32,
    pub count: u32,
}

/// An instance's ids, as the processes that make its slots see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ids {
    Ranges {
        first: u32,
        per_slot: u32,
    },
    /// Every slot has our own.
    Shared,
}

impl Supply {
    pub fn find(uid_base: u32) -> Result<Self> {
        // SAFETY: no arguments, cannot fail.
        let own_uid = unsafe { libc::geteuid() };
        let rights = if sys::has_capability(sys::CAP_SYS_ADMIN)? {
            Rights::Administrator
        } else if sys::has_capability(sys::CAP_SETUID)? && sys::has_capability(sys::CAP_SETGID)? {
            Rights::Writer
        } else {
            return Ok(Self::of_ordinary_user(own_uid));
        };
        let maps = (read("/proc/self/uid_map")?, read("/proc/self/gid_map")?);
        let (first, most) = if mapped_from(&maps.0, uid_base) > 0 && mapped_from(&maps.1, uid_base) > 0 {
            (uid_base, MAX_INSTANCES * MAX_SLOTS * MOST_OF_A_SLOT)
        } else {
            // A container with a user namespace of its own has no ids that high.
            (1, u32::MAX)
        };
        let count = mapped_from(&maps.0, first).min(mapped_from(&maps.1, first)).min(most);
        Ok(Self { rights, own_uid, first_uid: first, first_gid: first, count })
    }

    fn of_ordinary_user(uid: u32) -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let name = user_name(&text("/etc/passwd"), uid);
        let delegated = |path: &str| delegated(&text(path), uid, &name);
        let has_helpers = [NEWUIDMAP, NEWGIDMAP].iter().all(|helper| Path::new(helper).exists());
        match (delegated("/etc/subuid"), delegated("/etc/subgid"), has_helpers) {
            (Some((first_uid, uids)), Some((first_gid, gids)), true) => {
                Self { rights: Rights::Helper, own_uid: uid, first_uid, first_gid, count: uids.min(gids) }
            }
            _ => Self { rights: Rights::Nobody, own_uid: uid, first_uid: 0, first_gid: 0, count: 0 },
        }
    }

    /// The same where no user namespace is made: ids that this process can take itself, or none but its own.
    pub fn without_namespaces(self) -> Result<Self> {
        let needed = [sys::CAP_CHOWN, sys::CAP_DAC_OVERRIDE, sys::CAP_KILL, sys::CAP_SETGID, sys::CAP_SETUID];
        let mut may_change_users = true;
        for capability in needed {
            may_change_users &= sys::has_capability(capability)?;
        }
        let rights = match self.rights {
            Rights::Administrator | Rights::Writer if may_change_users => Rights::Administrator,
            _ => Rights::Nobody,
        };
        Ok(Self { rights, ..self })
    }

    /// First and last uid of so many slots, as the machine sees them.
    pub fn uids(&self, ids: &Ids, slots: u32) -> (u32, u32) {
        match ids {
            Ids::Ranges { per_slot, .. } => (self.first_uid, self.first_uid + slots * per_slot - 1),
            Ids::Shared => (self.own_uid, self.own_uid),
        }
    }

    /// The part of one instance, for so many slots; a part too small leaves our own id.
    pub fn part(&self, number: u32, slots: u32) -> (Self, Ids) {
        let count = self.count / MAX_INSTANCES;
        let per_slot = (count / slots.max(1)).min(MOST_OF_A_SLOT);
        let part = Self {
            first_uid: self.first_uid + number * count,
            first_gid: self.first_gid + number * count,
            count,
            ..self.clone()
        };
        match self.rights {
            Rights::Nobody => (part, Ids::Shared),
            _ if per_slot < LEAST_OF_A_SLOT => (Self { rights: Rights::Nobody, ..part }, Ids::Shared),
            Rights::Administrator => {
                let first = part.first_uid;
                (part, Ids::Ranges { first, per_slot })
            }
            // Inside our own user namespace the part begins behind its root.
            Rights::Writer | Rights::Helper => (part, Ids::Ranges { first: 1, per_slot }),
        }
    }
}

impl Ids {
    /// The user under whom a slot's namespaces are made, if it has one of its own.
    pub fn root_of(&self, slot: u32) -> Option<u32> {
        match self {
            Self::Ranges { first, per_slot } => Some(first + slot * per_slot),
            Self::Shared => None,
        }
    }

    /// The slot's root as we see it: whom its control groups are handed to.
    pub fn keeper(&self, slot: u32) -> u32 {
        self.root_of(slot).unwrap_or(0)
    }

    /// The slot's root, where it has so many ids that an image's files can keep their owners.
    pub fn whole_map(&self, slot: u32) -> Option<u32> {
        match self {
            Self::Ranges { per_slot: MOST_OF_A_SLOT, .. } => self.root_of(slot),
            _ => None,
        }
    }

    /// The slot's uid_map and gid_map.
    pub fn map(&self, slot: u32) -> String {
        match self {
            Self::Ranges { first, per_slot } => {
                let root = first + slot * per_slot;
                if *per_slot > PROGRAM_ID {
                    format!("0 {root} {per_slot}")
                } else {
                    format!("0 {root} 1\n{PROGRAM_ID} {} 1", root + 1)
                }
            }
            Self::Shared => format!("{PROGRAM_ID} 0 1"),
        }
    }

    pub fn shared(&self) -> bool {
        matches!(self, Self::Shared)
    }
}

pub const NEWUIDMAP: &str = "/usr/bin/newuidmap";
pub const NEWGIDMAP: &str = "/usr/bin/newgidmap";

/// How many ids from `first` on a uid_map or gid_map maps without a hole.
fn mapped_from(map: &str, first: u32) -> u32 {
    let mut extents: Vec<(u64, u64)> = map
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
            let (inside, _, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
            Some((inside, inside + count))
        })
        .collect();
    extents.sort_unstable();
    let end = extents.into_iter().fold(u64::from(first), |end, (from, to)| if from <= end { end.max(to) } else { end });
    (end - u64::from(first)) as u32
}

/// The first range that /etc/subuid or /etc/subgid gives to this user.
fn delegated(text: &str, uid: u32, name: &str) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (owner, first, count) = (fields.next()?, fields.next()?, fields.next()?);
        let ours = owner == name || owner.parse() == Ok(uid);
        (ours && !owner.is_empty()).then_some(())?;
        Some((first.parse().ok()?, count.trim_end().parse().ok()?))
    })
}

fn user_name(passwd: &str, uid: u32) -> String {
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    name.unwrap_or_default().to_owned()
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).context("read", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "         0          0 4294967295\n";

    fn supply(rights: Rights, first: u32, count: u32) -> Supply {
        Supply { rights, own_uid: 1000, first_uid: first, first_gid: first, count }
    }

    #[test]
    fn a_map_is_followed_over_its_extents_up_to_the_first_hole() {
        assert_eq!(mapped_from(ALL, 1_879_048_192), u32::MAX - 1_879_048_192);
        assert_eq!(mapped_from("0 1000 1\n1 100000 65536\n", 1), 65_536);
        assert_eq!(mapped_from("1 100000 65536\n0 1000 1\n70000 7 3\n", 0), 65_537);
        assert_eq!(mapped_from("0 100000 65536\n", 1_879_048_192), 0);
        assert_eq!(mapped_from("", 0), 0);
    }

    #[test]
    fn delegated_ids_are_found_by_name_and_by_number() {
        let text = "root:1:5\nann:100000:65536\n1001:200000:10\nbroken\n:5:5\n";
        assert_eq!(delegated(text, 1000, "ann"), Some((100_000, 65_536)));
        assert_eq!(delegated(text, 1001, ""), Some((200_000, 10)));
        assert_eq!(delegated(text, 1002, ""), None);
        assert_eq!(user_name("root:x:0:0::/:\nann:x:1000:1000::/:\n", 1000), "ann");
        assert_eq!(user_name("root:x:0:0::/:\n", 1000), "");
    }

    #[test]
    fn every_instance_and_slot_has_ids_of_its_own() {
        let all = supply(Rights::Helper, 100_000, 65_536);
        let (part, ids) = all.part(3, 2);
        assert_eq!((part.first_uid, part.count), (100_000 + 3 * 2114, 2114));
        assert_eq!((ids.root_of(0), ids.root_of(1)), (Some(1), Some(1058)));
        assert_eq!(ids.map(1), "0 1058 1057");
    }

    #[test]
    fn many_slots_make_do_with_two_ids_each() {
        let (_, ids) = supply(Rights::Helper, 100_000, 65_536).part(0, MAX_SLOTS);
        assert_eq!(ids.map(5), "0 11 1\n1000 12 1");
    }

    #[test]
    fn root_gives_whole_maps() {
        let count = MAX_INSTANCES * MAX_SLOTS * MOST_OF_A_SLOT;
        let (_, ids) = supply(Rights::Administrator, 1_879_048_192, count).part(1, 1000);
        assert_eq!(ids.map(2), format!("0 {} 65536", 1_879_048_192u32 + (MAX_SLOTS + 2) * 65_536));
    }

    #[test]
    fn with_no_ids_but_our_own_the_program_has_it() {
        for supply in [supply(Rights::Nobody, 1000, 0), supply(Rights::Writer, 1, 20)] {
            let (part, ids) = supply.part(0, 2);
            assert_eq!(part.rights, Rights::Nobody);
            assert_eq!((ids.map(1), ids.root_of(1)), ("1000 0 1".to_owned(), None));
        }
    }
}
