"""A cluster on Ray: an engine on every node, asked by whoever is in the same Ray.

    caller                                   Ray                              every node
    ──────                                   ───                              ──────────
    Cluster, RewardClient("ray://")                                           Node (actor, one, hard to its node)
    or a front: assay serve --ray            Roster (actor, one)                ├ Service, as behind HTTP
      └ Nodes: who is there, how loaded  ◀── reports each second ◀───────────   ├ scorers: code, math, judge, own
          └ less loaded of two ──── ask(op, MessagePack) ─────────────────▶     └ Engine: queue, slots, supervisor
                                 ◀── Reply(answer | error | leaving, under_way)

    Blueprint   settings + what makes the scorers; goes to every node by pickle          blueprint.py
    Node        the actor on a node                                                      node.py
    Roster      the one actor that knows which nodes there are; not on the way of work   roster.py
    start, stop                                                                          start.py
    Everywhere  a cluster behind the faces of `assay serve`                              front.py
    Cluster     a Client that also starts what it asks                                   cluster.py
    Report, Reply                                     engine/wire/cluster.py
    Nodes, Membership, less_loaded_of_two             engine/client/: they need no engine

A request stays with its caller until it is answered: what fails under it is asked elsewhere, by the caller, at most
three times; then it is a SandboxError. There is no queue but the nodes' own.
"""
