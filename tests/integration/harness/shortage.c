/* Preloaded: makes accept4, socket or connect fail with the errno value that stands for it in the
   file named by SHORTAGE_FILE, as long as it stands there. 0 = the real call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile int *failures;

__attribute__((constructor)) static void open_file(void) {
  const char *name = getenv("SHORTAGE_FILE");
  const int file = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    failures = page == MAP_FAILED ? NULL : page;
    close(file);
  }
}

static int fails(int call) {
  const int failure = failures == NULL ? 0 : failures[call];
  errno = failure == 0 ? errno : failure;
  return failure != 0;
}

int accept4(int from, struct sockaddr *address, socklen_t *bytes, int flags) {
  static int (*real)(int, struct sockaddr *, socklen_t *, int);
  if (real == NULL) {
    real = (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
  }
  return fails(0) ? -1 : real(from, address, bytes, flags);
}

int socket(int domain, int type, int protocol) {
  static int (*real)(int, int, int);
  if (real == NULL) {
    real = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
  }
  return fails(1) ? -1 : real(domain, type, protocol);
}

int connect(int from, const struct sockaddr *address, socklen_t bytes) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (real == NULL) {
    real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
  }
  return fails(2) ? -1 : real(from, address, bytes);
}
