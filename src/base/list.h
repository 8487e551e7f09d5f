#pragma once

#include <cstddef>

#include "base/check.h"

namespace holdfast {

// The place of an element in a List<T, Tag>. An element derives from one ListLink per list it can
// be on; Tag tells them apart. A link knows its neighbours but not its list.
template <class Tag>
class ListLink {
 public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { check(!linked(), "an element is destroyed while it is on a list"); }

  [[nodiscard]] bool linked() const { return next_ != nullptr; }

 private:
  template <class T, class AnyTag>
  friend class List;

  ListLink* previous_ = nullptr;
  ListLink* next_ = nullptr;
};

// An intrusive doubly linked list: owns nothing, allocates nothing, every operation is O(1).
template <class T, class Tag>
class List {
 public:
  List() { root_.previous_ = root_.next_ = &root_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    check(empty(), "a list is destroyed with elements on it");
    root_.previous_ = root_.next_ = nullptr;
  }

  [[nodiscard]] bool empty() const { return root_.next_ == &root_; }
  [[nodiscard]] std::size_t size() const { return size_; }

  // The first or last element, or null.
  [[nodiscard]] T* front() const { return empty() ? nullptr : element(root_.next_); }
  [[nodiscard]] T* back() const { return empty() ? nullptr : element(root_.previous_); }

  // The element behind this one, or null. `of` is on this list.
  [[nodiscard]] T* after(const T& of) const {
    Link* next = link(of)->next_;
    return next == &root_ ? nullptr : element(next);
  }

  void push_front(T& value) { insert(link(value), root_.next_); }
  void push_back(T& value) { insert(link(value), &root_); }

  // Takes an element off. It must be on this list.
  void remove(T& value) {
    Link* at = link(value);
    check(at->linked(), "an element is taken off a list it is not on");
    at->previous_->next_ = at->next_;
    at->next_->previous_ = at->previous_;
    at->previous_ = at->next_ = nullptr;
    --size_;
  }

  // Takes the first element off, or returns null.
  T* pop_front() {
    T* first = front();
    if (first != nullptr) {
      remove(*first);
    }
    return first;
  }

 private:
  using Link = ListLink<Tag>;

  static Link* link(const T& value) { return const_cast<Link*>(static_cast<const Link*>(&value)); }
  static T* element(Link* at) { return static_cast<T*>(at); }

  void insert(Link* at, Link* before) {
    check(!at->linked(), "an element is put on two lists");
    at->previous_ = before->previous_;
    at->next_ = before;
    before->previous_->next_ = at;
    before->previous_ = at;
    ++size_;
  }

  Link root_;
  std::size_t size_ = 0;
};

}  // namespace holdfast
