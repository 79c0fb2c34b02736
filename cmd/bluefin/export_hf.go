package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// hfNames are the names of TrainingArguments for other common ones.
var hfNames = map[string]string{
	"batch_size": "per_device_train_batch_size", "lr": "learning_rate", "epochs": "num_train_epochs",
	"n_epochs": "num_train_epochs", "num_epochs": "num_train_epochs", "lr_scheduler": "lr_scheduler_type",
	"label_smoothing": "label_smoothing_factor", "warmup_ratio": "warmup_steps", "optimizer": "optim",
}

// trainingArguments writes those parameters that are fields of TrainingArguments as JSON that
// HfArgumentParser reads, which refuses other names.
func trainingArguments(params []trial.Param, finetuned bool) (text []byte, notes []string, err error) {
	object, from := pyjson.Object{}, map[string]string{}
	var others []string
	for _, p := range params {
		name, value := p.Name, p.External()
		if !slices.Contains(hfFields, name) {
			name = hfNames[name]
		}
		if name == "" {
			others = append(others, p.Name)
			continue
		}
		if other, taken := from[name]; taken {
			return nil, nil, fmt.Errorf("parameters %q and %q would both be %s of TrainingArguments: "+
				"want another format", other, p.Name, name)
		}
		from[name] = p.Name
		if p.Name == "warmup_ratio" {
			if x, ok := value.(float64); !ok || x < 0 || x >= 1 {
				return nil, nil, fmt.Errorf("warmup_ratio is %v, want at least 0 and below 1", value)
			}
			notes = append(notes, "warmup_ratio is written as warmup_steps, which transformers 5 takes for a ratio "+
				"below 1.")
		}
		if finetuned && name == "lr_scheduler_type" && value == "constant" {
			value = "constant_with_warmup" // which is what finetune means
		}
		object = append(object, pyjson.Member{Name: name, Value: value})
	}
	if len(object) == 0 {
		return nil, nil, fmt.Errorf("none of the parameters is a field of TrainingArguments: %s", listed(others))
	}
	if len(others) > 0 {
		notes = append(notes, fmt.Sprintf("Not fields of TrainingArguments, so left out: %s.", listed(others)))
	}
	line, err := pyjson.Marshal(object)
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, line, "", "  "); err != nil {
		b.Reset()
		b.Write(line) // NaN and Infinity, which Python reads
	}
	b.WriteByte('\n')
	return b.Bytes(), notes, nil
}

// hfFields are the fields of transformers.TrainingArguments, as of 5.23.
var hfFields = strings.Fields(`
accelerator_config activation_checkpointing activation_checkpointing_kwargs adam_beta1 adam_beta2 adam_epsilon
auto_find_batch_size average_tokens_across_devices batch_eval_metrics bf16 bf16_full_eval data_seed
dataloader_drop_last dataloader_in_order dataloader_multiprocessing_context dataloader_num_workers
dataloader_persistent_workers dataloader_pin_memory dataloader_prefetch_factor ddp_backend
ddp_broadcast_buffers ddp_bucket_cap_mb ddp_find_unused_parameters ddp_static_graph ddp_timeout debug
deepspeed disable_tqdm do_eval do_predict do_train enable_jit_checkpoint eval_accumulation_steps eval_delay
eval_do_concat_batches eval_on_start eval_steps eval_strategy eval_use_gather_object fp16 fp16_full_eval fsdp
fsdp_config full_determinism gradient_accumulation_steps gradient_checkpointing gradient_checkpointing_kwargs
greater_is_better hub_always_push hub_model_id hub_private_repo hub_revision hub_strategy hub_token
ignore_data_skip include_for_metrics include_num_input_tokens_seen label_names label_smoothing_factor
learning_rate length_column_name liger_kernel_config load_best_model_at_end local_rank log_level
log_level_replica log_on_each_node logging_first_step logging_nan_inf_filter logging_steps logging_strategy
lr_scheduler_kwargs lr_scheduler_type max_grad_norm max_steps metric_for_best_model neftune_noise_alpha
num_train_epochs optim optim_args optim_target_modules output_dir parallelism_config
per_device_eval_batch_size per_device_train_batch_size prediction_loss_only project push_to_hub
remove_unused_columns report_to restore_callback_states_from_checkpoint resume_from_checkpoint run_name
save_on_each_node save_only_model save_steps save_strategy save_total_limit seed skip_memory_metrics tf32
torch_compile torch_compile_backend torch_compile_mode torch_empty_cache_steps trackio_bucket_id
trackio_space_id trackio_static_space_id train_sampling_strategy use_cache use_cpu use_liger_kernel
warmup_steps weight_decay`)
