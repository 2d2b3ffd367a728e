# trick: none: long and odd names of files sent along
# section: Files
# abuse: names: long
# abuse: names: odd
# file: -rf 'a'
# file: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 'b'
# file: a'b"c;d|e&f(g)*?[!] 'c'
# file: ünïcödé/日本語 'd'
# file: a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z 'e'
# verdict: ACCEPTED
# expect stdout: 'abcde\n'

import os

content = []
for place, _, names in os.walk("/work"):
    for name in names:
        if name != "main.py":
            with open(os.path.join(place, name)) as file:
                content.append(file.read())
print("".join(sorted(content)))
