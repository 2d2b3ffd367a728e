"""Programs of tests/programs that end otherwise with the runtime "landlock"; docs/where-it-runs.md lists them."""

from __future__ import annotations

from engine.program import Verdict

# By the heading of docs/where-it-runs.md's list; a program without a verdict here ends with RUNTIME_ERROR.
_REASONS: dict[str, str] = {
    "no socket": """
        abstract_names_left.py abstract_sockets.py connections_left.py dns.py host_services_unreachable.py loopback.py
        memory_bomb_tcp.py memory_bomb_udp.py names_sent.py network_changed.py outside_unreachable.py same_port.py
        sockets_in_flight.py sockets_under_own_filter.c time_wait.py
    """,
    "other paths": """
        attributes_set.py attributes_set_and_removed.py collected_device.py collected_directory.py collected_fifo.py
        collected_hardlink.py collected_parent_swapped.py collected_socket.py collected_sparse.py collected_specials.py
        collected_swapped.py collected_symlinks.py counts_kept_equal.py deleted_files_in_flight.py deleted_files_open.py
        directories_exchanged.py disk_deep_directories.py disk_fill_bytes.py disk_fill_fallocate.py disk_fill_inodes.py
        disk_fill_undeletable_names.py environment.sh fifo_blocks.py file_size_signal.c hard_links_across.py
        leaves_no_trace.py leftovers.py locks_in_flight.py odd_names.py offsets_used_up.py oom_score_lowered.c
        read_only_places.py remove_everything.sh remove_writable_directories.py right_threads.py setuid_programs.sh
        sparse_file.py stderr_closed.py times_set.py watches_on_directories.py whiteouts.py
    """,
    "a closed /proc and /etc": """
        cgroup_files.py mounts_seen.py paths_in_requests.py proc_keys.py proc_of_pid_one.py
    """,
    "memory that is looked at": """
        exec_memfd.py memfd_in_flight.py memory_bomb_memfd.py memory_bomb_pipes.py memory_bomb_sockets.py
        memory_within.py oom_child_then_right.py
    """,
    "what nobody would count": "locks_left.py pipes_in_flight.py stdout_in_flight.py",
    "what an owner may": "own_program_changed.c rights.py userfaultfd.c",
}
_VERDICTS = {
    "deleted_files_open.py": Verdict.TIME_LIMIT,
    "environment.sh": Verdict.WRONG_ANSWER,
    "file_size_signal.c": Verdict.ACCEPTED,
    "memory_within.py": Verdict.ACCEPTED,
    "names_sent.py": Verdict.WRONG_ANSWER,
    "oom_child_then_right.py": Verdict.MEMORY_LIMIT,
    "oom_score_lowered.c": Verdict.ACCEPTED,
    "sockets_under_own_filter.c": Verdict.WRONG_ANSWER,
}
REASONS: dict[str, tuple[str, ...]] = {reason: tuple(names.split()) for reason, names in _REASONS.items()}
DIFFERENCES: dict[str, Verdict] = {
    name: _VERDICTS.get(name, Verdict.RUNTIME_ERROR) for names in REASONS.values() for name in names
}
