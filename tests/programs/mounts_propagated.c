// trick: moves, shares, shadows and remounts what it sees, so that a mount would outlive it in the slot
// section: Proofs
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    const char *places[] = {"/", "/work", "/tmp", "/dev", "/dev/shm", "/proc", "/usr", "/etc", "/program"};
    unsigned long kinds[] = {MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, MS_MOVE, MS_BIND, MS_REMOUNT | MS_BIND,
                             MS_REMOUNT, MS_SHARED | MS_REC};
    mkdir("/tmp/here", 0700);
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (mount(places[i], "/tmp/here", "none", kinds[k], 0) != -1 || mount(0, places[i], 0, kinds[k], 0) != -1) {
                printf("%s with %#lx was allowed\n", places[i], kinds[k]);
                return 1;
            }
        if (umount2(places[i], MNT_DETACH) != -1 || umount2(places[i], MNT_EXPIRE) != -1 || umount2(places[i], MNT_FORCE) != -1) {
            printf("umount %s was allowed\n", places[i]);
            return 1;
        }
        long tree = syscall(428, AT_FDCWD, places[i], 1);  // open_tree with OPEN_TREE_CLONE
        if (tree >= 0 && syscall(429, tree, "", AT_FDCWD, "/tmp/here", 4) == 0) {  // move_mount
            printf("a copy of %s was mounted\n", places[i]);
            return 1;
        }
    }
    puts("refused");
    return 0;
}
