#include <limn/network/plain_executor.hpp>

#include <doctest/doctest.h>

using namespace limn;

TEST_CASE("plain layers take no more memory than allowed for the results that exist at a time") {
  Graph graph(3);
  const NodeId once = graph.add("once", ReLU(), {Graph::input});
  const NodeId twice = graph.add("twice", Add(), {once, once});
  graph.add("left aside", ReLU(), {twice});
  graph.add_output("result", graph.add("result", Add(), {twice, Graph::input}));
  const Weights none;

  const Tensor input({3, 4, 4});
  constexpr std::int64_t one = std::int64_t{3 * 4 * 4} * std::int64_t{sizeof(float)};
  CHECK(run_plain(graph, none, input, {}, 4 * one).size() == 1);
  CHECK_THROWS_WITH_AS(run_plain(graph, none, input, {}, 4 * one - 1),
                       "network: results up to result: expected at most 767 bytes of memory (max_memory), found a need "
                       "of 768",
                       Error);
}
