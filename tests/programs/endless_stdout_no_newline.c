// trick: writes without end and without a newline
// section: Resources
// abuse: endless output without a newline
// verdict: OUTPUT_LIMIT
// limits: output_bytes=65536
// outcome: stdout_truncated=1 stdout_bytes=65536

#define _GNU_SOURCE
#include <unistd.h>

int main(void) {
    for (;;)
        write(1, "xxxxxxxxxxxxxxxx", 16);
}
