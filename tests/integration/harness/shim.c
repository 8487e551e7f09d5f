// Preloaded into holdfast: the kernel as it may be on its worst day. Each read and write of a socket
// moves SHIM_MOST bytes at most, and one in SHIM_REFUSES is refused, as SHIM_SEED says. The wall clock
// stands as many seconds beside the true one as the file SHIM_CLOCK holds, as a long.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static unsigned long state = 1;
static unsigned long most;
static unsigned long refuses;
static const volatile long *shift;

static unsigned long number_of(const char *name) {
  const char *text = getenv(name);
  return text == 0 ? 0 : strtoul(text, 0, 10);
}

__attribute__((constructor)) static void start(void) {
  state = number_of("SHIM_SEED") * 2654435761u + 1;
  most = number_of("SHIM_MOST");
  refuses = number_of("SHIM_REFUSES");
  const char *path = getenv("SHIM_CLOCK");
  if (path != 0) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *page = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
    shift = page == MAP_FAILED ? 0 : page;
    close(fd);
  }
}

static int is_socket(int fd) {
  struct stat what;
  return most != 0 && fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode);
}

static unsigned long next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static int refused(void) {
  if (refuses == 0 || next() % refuses != 0) {
    return 0;
  }
  errno = EAGAIN;
  return 1;
}

// How much of so many bytes the kernel takes or gives: at least one of them.
static size_t some(size_t bytes) {
  const size_t limit = 1 + next() % most;
  return bytes < limit ? bytes : limit;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int fd, void *to, size_t bytes) {
  static __typeof__(&read) real;
  if (real == 0) real = REAL(read);
  if (!is_socket(fd)) return real(fd, to, bytes);
  return refused() ? -1 : real(fd, to, some(bytes));
}

ssize_t recv(int fd, void *to, size_t bytes, int flags) {
  static __typeof__(&recv) real;
  if (real == 0) real = REAL(recv);
  if (!is_socket(fd) || (flags & MSG_PEEK) != 0) return real(fd, to, bytes, flags);
  return refused() ? -1 : real(fd, to, some(bytes), flags);
}

ssize_t send(int fd, const void *from, size_t bytes, int flags) {
  static __typeof__(&send) real;
  if (real == 0) real = REAL(send);
  if (!is_socket(fd)) return real(fd, from, bytes, flags);
  return refused() ? -1 : real(fd, from, some(bytes), flags);
}

ssize_t write(int fd, const void *from, size_t bytes) {
  static __typeof__(&write) real;
  if (real == 0) real = REAL(write);
  if (!is_socket(fd)) return real(fd, from, bytes);
  return refused() ? -1 : real(fd, from, some(bytes));
}

// The first part that is not empty; there always is one.
static const struct iovec *first_of(const struct iovec *parts, size_t count) {
  while (count > 1 && parts->iov_len == 0) {
    ++parts;
    --count;
  }
  return parts;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  static __typeof__(&writev) real;
  if (real == 0) real = REAL(writev);
  if (!is_socket(fd)) return real(fd, parts, count);
  const struct iovec *first = first_of(parts, (size_t)count);
  return send(fd, first->iov_base, first->iov_len, MSG_NOSIGNAL);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  static __typeof__(&sendmsg) real;
  if (real == 0) real = REAL(sendmsg);
  if (!is_socket(fd) || message->msg_iovlen == 0) return real(fd, message, flags);
  const struct iovec *first = first_of(message->msg_iov, message->msg_iovlen);
  return send(fd, first->iov_base, first->iov_len, flags);
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  static __typeof__(&clock_gettime) real;
  if (real == 0) real = REAL(clock_gettime);
  const int failed = real(clock, out);
  if (failed == 0 && shift != 0 && clock == CLOCK_REALTIME) out->tv_sec += *shift;
  return failed;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  (void)zone;
  struct timespec now;
  const int failed = clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return failed;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != 0) *out = now.tv_sec;
  return now.tv_sec;
}
