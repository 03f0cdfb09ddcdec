// limn: human pose estimation on a CPU. This header brings everything from pixels to poses; reading and writing
// picture files is in <limn/image/io.hpp>, which needs stb.
#pragma once

#include <limn/core/error.hpp>
#include <limn/core/tensor.hpp>
#include <limn/core/thread_pool.hpp>
#include <limn/core/weights.hpp>
#include <limn/engine/plan.hpp>
#include <limn/image/draw.hpp>
#include <limn/image/image.hpp>
#include <limn/image/resample.hpp>
#include <limn/layers/layer.hpp>
#include <limn/layers/residual_block.hpp>
#include <limn/metrics/coco_evaluation.hpp>
#include <limn/metrics/joints_mse.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/metrics/oks.hpp>
#include <limn/metrics/pck.hpp>
#include <limn/metrics/pckh.hpp>
#include <limn/model_file/model.hpp>
#include <limn/models/pose_resnet.hpp>
#include <limn/network/graph.hpp>
#include <limn/network/plain_executor.hpp>
#include <limn/network/summary.hpp>
#include <limn/pose/decoders.hpp>
#include <limn/pose/draw_pose.hpp>
#include <limn/pose/flip.hpp>
#include <limn/pose/geometry.hpp>
#include <limn/pose/heatmaps.hpp>
#include <limn/pose/json.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/pose_estimator.hpp>
#include <limn/pose/preprocess.hpp>
#include <limn/pose/skeleton.hpp>
