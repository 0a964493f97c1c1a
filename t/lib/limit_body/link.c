/*
 * A network between two network namespaces: the one that this is started in, and a new one of this process.  It delays
 * packets, lets through so many bytes a second, and loses some.  (Kernels have that as "netem", but not all of them.)
 *
 *     link NAME MICROSECONDS BYTES_PER_SECOND LOST_PER_THOUSAND SEED
 *
 * MICROSECONDS is one way; BYTES_PER_SECOND of 0 is any number.  Makes the interface NAME here, and "link" in the new
 * namespace; prints a line when they are there, and runs until its input ends.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKETS    8192
#define LONGEST    1500
/* What waits for its turn longer than this is lost, as in a router. */
#define QUEUE_NS   100000000

struct packet {
    uint64_t  due;
    size_t    length;
    char      bytes[LONGEST];
};

/* One way. */
struct way {
    int            from, to;
    uint64_t       is_free;
    unsigned       first, number;
    struct packet  packets[PACKETS];
};

static uint64_t     delay, rate, state;
static unsigned     lost;
static struct way   ways[2];


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
fail(const char *what)
{
    perror(what);
    exit(1);
}


static int
interface(const char *name)
{
    int           fd;
    struct ifreq  request = { .ifr_flags = IFF_TUN | IFF_NO_PI };

    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (fd == -1) {
        fail("/dev/net/tun");
    }

    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &request) == -1) {
        fail(name);
    }

    return fd;
}


/* xorshift64: the same packets are lost each time. */

static int
is_lost(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state % 1000 < lost;
}


static void
take(struct way *way)
{
    uint64_t        start, time;
    struct packet  *packet, spare;

    for ( ;; ) {
        packet = way->number < PACKETS ? &way->packets[(way->first + way->number) % PACKETS] : &spare;

        ssize_t  length = read(way->from, packet->bytes, LONGEST);
        if (length <= 0) {
            return;
        }

        time = now();
        start = way->is_free > time ? way->is_free : time;
        if (packet == &spare || start - time > QUEUE_NS || is_lost()) {
            continue;
        }

        way->is_free = start + (rate ? (uint64_t) length * 1000000000 / rate : 0);
        packet->due = way->is_free + delay;
        packet->length = (size_t) length;
        way->number++;
    }
}


static void
pass(struct way *way)
{
    uint64_t        time = now();
    struct packet  *packet;

    while (way->number) {
        packet = &way->packets[way->first];
        if (packet->due > time) {
            return;
        }

        /* An interface that is full, or down, loses it. */
        if (write(way->to, packet->bytes, packet->length) == -1 && errno == EBADF) {
            fail("write");
        }
        way->first = (way->first + 1) % PACKETS;
        way->number--;
    }
}


int
main(int argc, char **argv)
{
    int  timeout;

    if (argc != 6) {
        fprintf(stderr, "usage: link NAME MICROSECONDS BYTES_PER_SECOND LOST_PER_THOUSAND SEED\n");
        return 2;
    }

    delay = strtoull(argv[2], NULL, 10) * 1000;
    rate = strtoull(argv[3], NULL, 10);
    lost = (unsigned) strtoul(argv[4], NULL, 10);
    state = strtoull(argv[5], NULL, 10) * 0x9e3779b97f4a7c15 + 1;

    ways[0].from = ways[1].to = interface(argv[1]);
    if (unshare(CLONE_NEWNET) == -1) {
        fail("unshare");
    }
    ways[1].from = ways[0].to = interface("link");

    puts("ready");
    fflush(stdout);

    for ( ;; ) {
        struct pollfd    events[] = {
            { .fd = ways[0].from, .events = POLLIN }, { .fd = ways[1].from, .events = POLLIN }, { .fd = 0, .events = POLLIN }
        };
        struct timespec  tick = { 0, (long) (delay / 4) };

        /* Packets go in bursts: to wake up for each of them would take more time than all the rest. */
        if (ways[0].number || ways[1].number) {
            nanosleep(&tick, NULL);
            timeout = 0;
        } else {
            timeout = -1;
        }

        if (poll(events, 3, timeout) == -1) {
            fail("poll");
        }
        if (events[2].revents) {
            return 0;
        }

        take(&ways[0]);
        take(&ways[1]);
        pass(&ways[0]);
        pass(&ways[1]);
    }
}
