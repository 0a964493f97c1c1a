/*
 * Makes one allocation of one process fail: to be preloaded (LD_PRELOAD) into nginx.
 *
 * FAULT_FILE names a file that holds a struct fault.  Whoever maps it says which process is meant, and the how many-th of
 * its allocations is to fail from then on; and finds there how many there were, and where the first one that failed was
 * asked for.
 *
 * What OpenSSL and the C library allocate for themselves does not count: it is nginx's and the module's dealing with a
 * failure that is looked at.  For that nginx should be built with NGX_DEBUG_PALLOC, so that its pools ask for each piece.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>


#define DEPTH   24
#define FOREIGN 8


/* As in allocation.py. */

struct fault {
    int64_t    pid;         /* whose allocations count; 0 for nobody's, -1 for everybody's */
    uint64_t   at;          /* the first one that fails, from 1; 0 for none */
    uint64_t   span;        /* how many fail from there on */
    uint64_t   count;       /* how many there were */
    uint64_t   failed;      /* how many have failed */
    uint64_t   depth;       /* how many of the following are filled in */
    uintptr_t  from[DEPTH]; /* return addresses, the innermost first */
};


static void  *(*next_malloc)(size_t);
static void  *(*next_calloc)(size_t, size_t);
static void  *(*next_realloc)(void *, size_t);
static int    (*next_posix_memalign)(void **, size_t, size_t);
static void  *(*next_memalign)(size_t, size_t);
static void  *(*next_aligned_alloc)(size_t, size_t);
static void  *(*next_mmap)(void *, size_t, int, int, int, off_t);

static struct fault  *fault;

/* The libraries whose allocations do not count: where each begins and ends. */
static struct { uintptr_t start, end; }  foreign[FOREIGN];
static size_t                            foreigners;

/* For what dlsym() asks for before there is an answer. */
static char    early[4096];
static size_t  early_used;


static int
note_foreign(struct dl_phdr_info *info, size_t size, void *data)
{
    const char          *name, *const *f;
    const ElfW(Phdr)    *ph;

    static const char *const  names[] = { "libssl.", "libcrypto.", "libc.", "ld-linux", "libcrypt.", "libpcre", NULL };

    for (f = names; *f; f++) {
        name = strrchr(info->dlpi_name, '/');

        if (name == NULL || strncmp(name + 1, *f, strlen(*f)) != 0 || foreigners == FOREIGN) {
            continue;
        }

        foreign[foreigners].start = info->dlpi_addr;

        for (ph = info->dlpi_phdr; ph < info->dlpi_phdr + info->dlpi_phnum; ph++) {
            if (ph->p_type == PT_LOAD) {
                foreign[foreigners].end = info->dlpi_addr + ph->p_vaddr + ph->p_memsz;
            }
        }

        foreigners++;
    }

    return 0;
}


static void __attribute__((constructor))
begin(void)
{
    int          fd;
    void        *memory, *frames[1];
    const char  *file;

    next_malloc = dlsym(RTLD_NEXT, "malloc");
    next_calloc = dlsym(RTLD_NEXT, "calloc");
    next_realloc = dlsym(RTLD_NEXT, "realloc");
    next_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    next_memalign = dlsym(RTLD_NEXT, "memalign");
    next_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    next_mmap = dlsym(RTLD_NEXT, "mmap64");

    /* It allocates the first time. */
    (void) backtrace(frames, 1);

    dl_iterate_phdr(note_foreign, NULL);

    file = getenv("FAULT_FILE");

    if (file) {
        fd = open(file, O_RDWR|O_CLOEXEC);
        if (fd == -1) {
            abort();
        }

        memory = next_mmap(NULL, sizeof(struct fault), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED) {
            abort();
        }

        close(fd);
        fault = memory;
    }
}


static int
fails(void *from)
{
    size_t     i;
    void      *frames[DEPTH + 1];
    int        depth;
    uintptr_t  address;

    if (fault == NULL || fault->at == 0 || (fault->pid != -1 && fault->pid != getpid())) {
        return 0;
    }

    address = (uintptr_t) from;

    for (i = 0; i < foreigners; i++) {
        if (address >= foreign[i].start && address < foreign[i].end) {
            return 0;
        }
    }

    fault->count++;

    if (fault->count < fault->at || fault->count >= fault->at + fault->span) {
        return 0;
    }

    errno = ENOMEM;

    if (fault->failed++) {
        return 1;
    }

    depth = backtrace(frames, DEPTH + 1);

    /* The first one is in here. */
    for (i = 1; i < (size_t) depth; i++) {
        fault->from[i - 1] = (uintptr_t) frames[i];
    }

    fault->depth = depth > 0 ? depth - 1 : 0;
    return 1;
}


void *
malloc(size_t size)
{
    void  *piece;

    if (next_malloc == NULL) {
        piece = early + early_used;
        early_used += (size + 15) & ~(size_t) 15;
        return early_used <= sizeof(early) ? piece : NULL;
    }

    return fails(__builtin_return_address(0)) ? NULL : next_malloc(size);
}


void *
calloc(size_t count, size_t size)
{
    if (next_calloc == NULL) {
        return malloc(count * size);
    }

    return fails(__builtin_return_address(0)) ? NULL : next_calloc(count, size);
}


void *
realloc(void *old, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : next_realloc(old, size);
}


int
posix_memalign(void **piece, size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0)) ? ENOMEM : next_posix_memalign(piece, alignment, size);
}


void *
memalign(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : next_memalign(alignment, size);
}


void *
aligned_alloc(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : next_aligned_alloc(alignment, size);
}


void *
mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (next_mmap == NULL) {
        next_mmap = dlsym(RTLD_NEXT, "mmap64");
    }

    return fails(__builtin_return_address(0)) ? MAP_FAILED : next_mmap(address, length, protection, flags, fd, offset);
}
