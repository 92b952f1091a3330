#!/usr/bin/env bash
# The whole training, from no data to the checkpoint: the same machine type, versions and script make an equal model.
# Every step goes on from what an interrupted run has left.
#
#   bash recipe.sh [folder for data and states]
set -euo pipefail
cd "$(dirname "$0")"
B=${1:-build}
python make_data.py --data "$B/shards" --shards 40:54 --foreign 0 --kind page
python make_data.py --data "$B/shards" --shards 32:40 --foreign 0 --kind text
python make_data.py --data "$B/shards" --shards 28:32 --foreign 1 --things 0.6
python make_data.py --data "$B/shards" --shards 0:28
[ -e "$B/tokenizer/tokenizer.json" ] || python tokenizer.py --data "$B/shards" --out "$B/tokenizer"
python stage1_tower.py --data "$B/shards" --out "$B/stage1.pt" --log "$B/stage1.csv" --resume "$B/stage1.pt"
python train.py --stage 2 --resume --data "$B/shards" --tokenizer "$B/tokenizer" --start "$B/stage1.pt" --out "$B/stage2.pt" --log "$B/stage2.csv"
python train.py --stage 3 --resume --data "$B/shards" --tokenizer "$B/tokenizer" --start "$B/stage2.pt" --out "$B/stage3.pt" --log "$B/stage3.csv"
python train.py --stage 3 --last 1 --resume --data "$B/shards" --tokenizer "$B/tokenizer" --start "$B/stage3.pt" --out "$B/stage4.pt" --log "$B/stage4.csv" \
  --steps 1300 --lr 4.5e-4 --tower 0.8 --dense 0.4 --warm 30 --seed 41
python train.py --stage 3 --last 2 --resume --data "$B/shards" --tokenizer "$B/tokenizer" --start "$B/stage4.pt" --out "$B/stage5.pt" --log "$B/stage5.csv" \
  --steps 800 --lr 4.5e-4 --tower 0.8 --dense 0.4 --warm 30 --seed 51
python train.py --stage 3 --last 3 --resume --data "$B/shards" --tokenizer "$B/tokenizer" --start "$B/stage5.pt" --out "$B/stage6.pt" --log "$B/stage6.csv" \
  --steps 2400 --lr 5e-4 --tower 0.8 --dense 0.4 --warm 30 --seed 61
python train.py --stage 3 --last 4 --resume --data "$B/shards" --tokenizer "$B/tokenizer" --start "$B/stage6.pt" --out "$B/stage7.pt" --log "$B/stage7.csv" \
  --steps 1600 --lr 5e-4 --tower 0.8 --dense 0.4 --warm 30 --seed 71
python average.py --states "$B"/stage[67].pt --out "$B/mean67.pt"
python train.py --stage 3 --last 4 --resume --data "$B/shards" --tokenizer "$B/tokenizer" --start "$B/mean67.pt" --out "$B/stage8.pt" --log "$B/stage8.csv" \
  --steps 1600 --lr 6e-4 --tower 0.8 --dense 0.4 --warm 30 --seed 81
python average.py --states "$B"/stage[678].pt --out "$B/mean678.pt"
python export.py --state "$B/mean678.pt" --tokenizer "$B/tokenizer"
