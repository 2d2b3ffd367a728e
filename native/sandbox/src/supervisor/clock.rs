//! The fair clock of a run, which its wall limit is measured by: what the program did, and what it chose to wait for.
//!
//! CPU time is what the kernel counts for the whole group. What is left of the time was spent asleep or waiting for a
//! core, and the kernel does not count these apart for a group. So each look asks whether anything of the program is
//! ready to run: then the time since the last look counts as far as the program used a core in it; else all of it does.
//! Many looks at moments that no program can foresee come to the same as a count.
//!
//! A run that talks with another waits for it, and that is not its choice: the clock leaves out the CPU time of the
//! other, and stands still where the other waits for a core or for a slot.

const MILLISECOND: u64 = 1_000_000;
/// Of the quota of CPU time, which a program with many threads uses up at its beginning and then waits for more of.
const QUOTA_PERIOD: u64 = 100 * MILLISECOND;
/// No run lasts longer than its wall limit so many times over, however busy the machine is.
const MOST_STRETCH: u64 = 100;

/// The run that this one talks with; the default where there is none.
#[derive(Clone, Copy, Default)]
pub struct Partner {
    /// CPU time since its start.
    pub used_ns: u64,
    /// It could run if it had a core, or a slot.
    pub is_ready: bool,
}

pub struct FairClock {
    started: u64,
    looked: u64,
    passed_ns: u64,
    used_ns: u64,
    /// CPU time that no stretch of the clock stands for yet.
    unspent_ns: u64,
    partner_used_ns: u64,
    /// Of one core; a program that may use several does not have its waits counted by the fastest.
    cpus: f64,
}

impl FairClock {
    pub fn start(now: u64, cpus: f64) -> Self {
        Self {
            started: now,
            looked: now,
            passed_ns: 0,
            used_ns: 0,
            unspent_ns: 0,
            partner_used_ns: 0,
            cpus: cpus.min(1.0),
        }
    }

    /// Moves on to `now`; `used_ns` is the CPU time since the start. `ready` tells whether anything of the program could
    /// run if it had a core, and is asked only where cores are scarce.
    ///
    /// Whether it was at work, for all that is known.
    pub fn look(
        &mut self,
        now: u64,
        used_ns: u64,
        partner: Partner,
        scarce: bool,
        ready: impl FnOnce() -> bool,
    ) -> bool {
        let partner_used = partner.used_ns.saturating_sub(self.partner_used_ns);
        self.partner_used_ns += partner_used;
        let elapsed = now.saturating_sub(self.looked).saturating_sub(partner_used);
        let used = (used_ns.saturating_sub(self.used_ns) as f64 / self.cpus) as u64;
        self.unspent_ns += used;
        let (step, spent, at_work) = match self.unspent_ns {
            unspent if !scarce || unspent >= elapsed => (elapsed, elapsed, true),
            unspent if ready() => (unspent, unspent, true),
            _ if partner.is_ready => (0, 0, false),
            // What it used before it fell asleep counts when it is next found ready.
            _ => (elapsed, 0, false),
        };
        self.passed_ns += step;
        self.unspent_ns = self.unspent_ns.saturating_sub(spent).min(QUOTA_PERIOD);
        (self.looked, self.used_ns) = (now, self.used_ns.max(used_ns));
        at_work
    }

    /// Until this limit can be reached at the soonest, as the last look saw it; 0 if it has been.
    pub fn left_ns(&self, wall_ns: u64) -> u64 {
        if self.looked - self.started >= wall_ns.saturating_mul(MOST_STRETCH) {
            return 0;
        }
        wall_ns.saturating_sub(self.passed_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000 * MILLISECOND;
    const TICK: u64 = 20 * MILLISECOND;

    /// What the clock says after these ticks, each with its CPU time and whether the look finds the program ready.
    fn passed(cpus: f64, ticks: impl IntoIterator<Item = (u64, bool)>) -> u64 {
        let mut clock = FairClock::start(7, cpus);
        let (mut now, mut used) = (7, 0);
        for (of_tick, ready) in ticks {
            now += TICK;
            used += of_tick;
            clock.look(now, used, Partner::default(), true, || ready);
        }
        clock.passed_ns
    }

    #[test]
    fn on_a_machine_with_cores_to_spare_it_is_the_wall_clock() {
        let mut clock = FairClock::start(0, 1.0);
        clock.look(SECOND, 0, Partner::default(), false, || unreachable!());
        clock.look(2 * SECOND, SECOND, Partner::default(), false, || unreachable!());
        assert_eq!((clock.passed_ns, clock.left_ns(5 * SECOND)), (2 * SECOND, 3 * SECOND));
    }

    #[test]
    fn a_sleeper_pays_for_its_sleep_and_a_spinner_for_its_cores() {
        assert_eq!(passed(1.0, [(0, false); 50]), SECOND);
        assert_eq!(passed(1.0, [(TICK / 10, true); 50]), SECOND / 10);
        assert_eq!(passed(1.0, [(TICK, true); 50]), SECOND);
        // Ready all the time and never run: a starved child is nobody's sleep.
        assert_eq!(passed(1.0, [(0, true); 50]), 0);
    }

    #[test]
    fn half_a_core_is_all_of_a_program_that_may_use_half_a_core() {
        assert_eq!(passed(0.5, [(TICK / 2, true); 50]), SECOND);
        assert_eq!(passed(0.5, [(TICK / 4, true); 50]), SECOND / 2);
    }

    #[test]
    fn threads_of_its_own_do_not_slow_it() {
        // Two cores until the quota is used up, then none: 50 threads on an idle machine.
        let period = [(2 * TICK, true), (2 * TICK, true), (TICK, true), (0, true), (0, true)];
        assert_eq!(passed(1.0, std::iter::repeat_n(period, 10).flatten()), SECOND);
    }

    #[test]
    fn what_was_used_before_a_nap_counts_when_it_is_awake() {
        // 5 ms at work and 5 ms asleep in turn, never in want of a core: as often found asleep as awake.
        let found = [(TICK / 2, false), (TICK / 2, true)];
        assert_eq!(passed(1.0, std::iter::repeat_n(found, 25).flatten()), SECOND);
        // A moment of work in each tick does not make sleep free.
        let moment = TICK / 100;
        assert!(passed(1.0, [(moment, false); 50]) == SECOND);
    }

    #[test]
    fn cpu_time_of_better_days_does_not_speed_it_up_for_long() {
        let mut clock = FairClock::start(0, 4.0);
        clock.look(SECOND, 4 * SECOND, Partner::default(), false, || true);
        let before = clock.passed_ns;
        clock.look(2 * SECOND, 4 * SECOND, Partner::default(), true, || true);
        assert!(clock.passed_ns - before <= QUOTA_PERIOD);
    }

    #[test]
    fn who_waits_for_its_partner_pays_for_the_partners_sleep_alone() {
        let mut clock = FairClock::start(0, 1.0);
        let mut look = |now, used_ns, is_ready, scarce| {
            clock.look(now * SECOND, 0, Partner { used_ns, is_ready }, scarce, || false);
            clock.passed_ns
        };
        // Three of four seconds the partner was at work.
        assert_eq!(look(4, 3 * SECOND, false, false), SECOND);
        // It wants a core that others have.
        assert_eq!(look(8, 3 * SECOND, true, true), SECOND);
        assert_eq!(look(9, 3 * SECOND + SECOND / 2, false, true), 3 * SECOND / 2);
        // Both sleep; then it has gone.
        assert_eq!(look(10, 3 * SECOND + SECOND / 2, false, true), 5 * SECOND / 2);
        assert_eq!(look(11, 0, false, false), 7 * SECOND / 2);
    }

    #[test]
    fn every_run_ends() {
        let mut clock = FairClock::start(0, 1.0);
        clock.look(MOST_STRETCH * SECOND - 1, 0, Partner::default(), true, || true);
        assert_eq!(clock.left_ns(SECOND), SECOND);
        clock.look(MOST_STRETCH * SECOND, 0, Partner::default(), true, || true);
        assert_eq!(clock.left_ns(SECOND), 0);
    }
}
