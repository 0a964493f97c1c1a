/*
 * A library for nginx to be started with (LD_PRELOAD), which has an upstream do something just before nginx writes to it.
 *
 * A connection that the process makes is written to once.  Before each further write the process connects to the socket that
 * TEST_GATE names, and waits until that connection is closed.  t/lib/early.py listens there.
 */

#define _GNU_SOURCE

/* Where offsets in files are asked to be of 64 bits, one of the two below would have the name of the other. */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define DESCRIPTORS  65536
#define REAL(name)   ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

enum { OTHER = 0, CONNECTED, WRITTEN };

static struct sockaddr_un  gate = { .sun_family = AF_UNIX };
static unsigned char       descriptors[DESCRIPTORS];


__attribute__((constructor)) static void
prepare(void)
{
    char  *path = getenv("TEST_GATE");

    if (path != NULL) {
        strncpy(gate.sun_path, path, sizeof(gate.sun_path) - 1);
    }
}


static void
hold(int fd)
{
    char  byte;
    int   s, err;

    if (fd < 0 || fd >= DESCRIPTORS || descriptors[fd] == OTHER) {
        return;
    }

    if (descriptors[fd] == CONNECTED) {
        descriptors[fd] = WRITTEN;
        return;
    }

    err = errno;
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s != -1) {
        if (REAL(connect)(s, (struct sockaddr *) &gate, sizeof(gate)) == 0) {
            while (read(s, &byte, 1) == -1 && errno == EINTR) { /* void */ }
        }

        (void) REAL(close)(s);
    }

    errno = err;
}


int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
    if (fd >= 0 && fd < DESCRIPTORS) {
        descriptors[fd] = CONNECTED;
    }

    return REAL(connect)(fd, address, length);
}


int
close(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS) {
        descriptors[fd] = OTHER;
    }

    return REAL(close)(fd);
}


ssize_t
write(int fd, const void *data, size_t size)
{
    hold(fd);
    return REAL(write)(fd, data, size);
}


ssize_t
send(int fd, const void *data, size_t size, int flags)
{
    hold(fd);
    return REAL(send)(fd, data, size, flags);
}


ssize_t
writev(int fd, const struct iovec *pieces, int count)
{
    hold(fd);
    return REAL(writev)(fd, pieces, count);
}


ssize_t
sendfile(int out, int in, off_t *offset, size_t size)
{
    hold(out);
    return REAL(sendfile)(out, in, offset, size);
}


ssize_t
sendfile64(int out, int in, off64_t *offset, size_t size)
{
    hold(out);
    return REAL(sendfile64)(out, in, offset, size);
}
