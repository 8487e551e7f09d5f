#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::corpus {

// What must have arrived of one message.
struct Due {
  std::string start;
  std::string body;
  std::vector<std::pair<std::string, std::string>> present;
  std::vector<std::string> absent;
};

// One row of tests/corpus; the README there says what the columns mean.
struct Row {
  std::string id;
  std::string kind;
  std::string verdict;
  std::string after;
  std::string bytes;
  // What verdict and after say, read once: a row is played hundreds of times.
  std::vector<std::string> statuses;  // that the client is told, "ok" among them
  Due last_answer;                    // what the client's last answer has
  std::vector<Due> forwarded;         // the requests that the backend gets

  [[nodiscard]] bool is_request() const { return kind == "Q"; }
  [[nodiscard]] bool ends() const { return kind.ends_with('.'); }
};

inline std::vector<std::string> split(std::string_view text, std::string_view at) {
  std::vector<std::string> parts;
  for (std::size_t end = text.find(at); end != std::string_view::npos; end = text.find(at)) {
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end + at.size());
  }
  parts.emplace_back(text);
  return parts;
}

// Reads text up to its end or to the `\)` that closes a repetition, which it takes away.
inline std::string unescape(std::string_view& text) {
  std::string bytes;
  while (!text.empty()) {
    const char c = text[0];
    const char named = c == '\\' ? text.at(1) : '\0';
    text.remove_prefix(c == '\\' ? 2 : 1);
    switch (named) {
      case '\0':
        bytes += c;
        break;
      case 'r':
        bytes += '\r';
        break;
      case 'n':
        bytes += '\n';
        break;
      case 't':
        bytes += '\t';
        break;
      case '\\':
        bytes += '\\';
        break;
      case 'x':
        bytes += static_cast<char>(std::stoi(std::string(text.substr(0, 2)), nullptr, 16));
        text.remove_prefix(2);
        break;
      case '(': {
        const std::size_t star = text.find('*');
        const int count = std::stoi(std::string(text.substr(0, star)));
        text.remove_prefix(star + 1);
        const std::string repeated = unescape(text);
        for (int i = 0; i < count; ++i) {
          bytes += repeated;
        }
        break;
      }
      case ')':
        return bytes;
      default:
        throw std::runtime_error("an unknown escape");
    }
  }
  return bytes;
}

inline std::string bytes_of(std::string_view text) { return unescape(text); }

inline Due read_due(const std::vector<std::string>& words, std::size_t start_words) {
  Due due;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (i < start_words) {
      due.start += (i == 0 ? "" : " ") + bytes_of(word);
    } else if (word.starts_with('=')) {
      due.body = bytes_of(std::string_view(word).substr(1));
    } else if (word.starts_with('!')) {
      due.absent.push_back(word.substr(1));
    } else {
      const std::size_t equals = word.find('=');
      due.present.emplace_back(word.substr(0, equals), bytes_of(word.substr(equals + 1)));
    }
  }
  return due;
}

inline void read_expectations(Row& row) {
  if (row.after != "-" && row.after != "cut") {
    for (const std::string& one : split(row.after, " ; ")) {
      row.forwarded.push_back(read_due(split(one, " "), 2));
    }
  }
  std::vector<std::string> words = split(row.verdict, " ");
  while (!words.empty() && (words[0] == "ok" || (words[0][0] >= '1' && words[0][0] <= '9'))) {
    row.statuses.push_back(words[0]);
    words.erase(words.begin());
  }
  row.last_answer = read_due(words, 0);
}

inline std::vector<Row> read_rows(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw std::runtime_error("cannot read " + path);
  }
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) {
      continue;
    }
    std::vector<std::string> columns = split(line, "\t");
    Row& row = rows.emplace_back();
    row.id = columns.at(0);
    row.kind = columns.at(1);
    row.verdict = columns.at(2);
    row.after = columns.at(3);
    row.bytes = bytes_of(columns.at(4));
    read_expectations(row);
  }
  return rows;
}

}  // namespace holdfast::corpus
