from dataclasses import dataclass, field
from typing import Optional
from transformers import HfArgumentParser, TrainingArguments

@dataclass
class ModelArguments:
    model_name_or_path: str = field(metadata={"help": "Path to pretrained model"})
    dropout: float = field(default=0.1, metadata={"help": "Dropout of the head"})
    freeze_layers: Optional[int] = field(default=None, metadata={"help": "How many layers stay frozen"})

if __name__ == "__main__":
    HfArgumentParser((ModelArguments, TrainingArguments)).parse_args_into_dataclasses()
