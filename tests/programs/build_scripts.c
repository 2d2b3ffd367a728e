// trick: tools and build scripts sent along under the names that a compiler looks for
// section: Compilers
// abuse: build script
// file: as '#!/bin/sh\necho owned >&2; exit 1\n'
// file: ld '#!/bin/sh\necho owned >&2; exit 1\n'
// file: cc1 '#!/bin/sh\necho owned >&2; exit 1\n'
// file: collect2 '#!/bin/sh\necho owned >&2; exit 1\n'
// file: specs '*link:\n-o /tmp/owned\n'
// file: Makefile 'all:\n\ttouch owned\n'
// file: crt1.o 'owned'
// file: libc.so 'owned'
// file: stdio.h '#error owned\n'
// verdict: ACCEPTED
// expect stdout: 'not run\n'

#include <stdio.h>
#include <unistd.h>

int main(void) {
    puts(access("owned", F_OK) == 0 ? "run" : "not run");
    return 0;
}
