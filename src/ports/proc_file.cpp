#include "ports/proc_file.h"

#include <cerrno>
#include <cstdio>
#include <memory>

namespace holdfast {
namespace {

struct CloseFile {
  // A file that was only read has nothing left that closing could lose.
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

constexpr std::size_t block_bytes = std::size_t{64} * 1024;

}  // namespace

Result<std::string> read_proc_file(const char* path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path, "re"));
  if (file == nullptr) {
    return unexpected(make_error(ErrorCode::local_failure, errno));
  }
  std::string text;
  std::size_t read = 0;
  while (true) {
    text.resize(read + block_bytes);
    const std::size_t got = std::fread(&text[read], 1, block_bytes, file.get());
    read += got;
    if (got < block_bytes) {
      break;
    }
  }
  if (std::ferror(file.get()) != 0) {
    return unexpected(make_error(ErrorCode::local_failure, EIO));
  }
  text.resize(read);
  return text;
}

}  // namespace holdfast
