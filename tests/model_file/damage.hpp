// Damage to texts, for the tests of what reads them.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Damages texts by chance, the same way every time.
class Damage {
 public:
  /// `pieces` are what may be inserted.
  Damage(unsigned seed, std::vector<std::string> pieces) : random_(seed), pieces_(std::move(pieces)) {}

  /// A number from 0 to n - 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_()) % n; }

  char byte() { return static_cast<char>(static_cast<unsigned char>(random_())); }

  /// The text after one to `most_edits` edits: bytes changed, left out, inserted or repeated.
  std::string damaged(std::string text, std::size_t most_edits) {
    for (std::size_t edits = 1 + below(most_edits); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0: text[at] = byte(); break;
        case 1: text.erase(at, 1 + below(12)); break;
        case 2: text.insert(at, pieces_[below(pieces_.size())]); break;
        case 3: text.insert(at, text.substr(below(text.size()), 1 + below(60))); break;
        case 4: text[at] = static_cast<char>('0' + below(10)); break;
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
  std::vector<std::string> pieces_;
};
