"""What is done as a zygote starts, the last of the prelude."""

_compiled = {text: compile(text, _SCRIPT, "exec", dont_inherit=True) for text in _KNOWN}
_MOST_BYTES = max(map(len, _KNOWN), default=0) + 1
_shelf = _preload(_USUAL, _NAMED)
# What they print is to be seen now, by the keeper: in a buffer it would be every program's.
for _stream in _streams:
    _stream.flush()
_exercise(_shelf)
for _name in list(_MODULES):
    if _name not in _AT_START:
        del _MODULES[_name]
_collect()
gc.freeze()
# Garbage is to be collected at the moments at which it is in a program that starts cold.
for _generation in (1, 0):
    for _ in range(_COUNTS[_generation + 1]):
        _collect(_generation)
_filling = []
while gc.get_count()[0] < _COUNTS[0]:
    _filling.append({})
_FILTERS, _MANY_BLOCKS = tuple(_filters), _blocks() + 100_000
