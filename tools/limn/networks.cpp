#include "networks.hpp"

#include <tuple>

#include <limn/core/error.hpp>
#include <limn/model_file/model.hpp>

#include "engine.hpp"
#include "model_choice.hpp"
#include "text.hpp"

namespace limn::program {

namespace {

constexpr Index people_at_once = 4;  // in a run of the network

}  // namespace

Networks open_networks(const NetworksChoice& choice, const NetworksUse& use,
                       const std::shared_ptr<const ThreadPool>& pool) {
  Networks networks;
  networks.model_file = model_file(choice.model);
  const Model model = Model::open(networks.model_file);
  EstimatorOptions options = choice.estimator;
  options.pool = pool;
  std::tie(options.input_height, options.input_width) = parse_size(choice.input);
  if (model.document().decoder.type == DecoderType::part_affinity) {
    if (choice.detector.given()) throw Error(model.name() + ": finds several people by itself, without --detector");
  } else {
    if (!use.one_by_one) options.batch = people_at_once;
    if (use.detect && !choice.no_detector) {
      networks.detector_file = detector_file(choice.detector);
      networks.detector = make_detector(Model::open(networks.detector_file), choice.detector, pool);
      if (use.estimator_detects) options.detector = networks.detector;
    }
  }
  networks.estimator = make_estimator(model, options);
  return networks;
}

}  // namespace limn::program
