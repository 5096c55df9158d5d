# A mapping in parts, for pipeline.sh, which sources this: MAPPING is a folder, and MAPPING_URI a prefix that ends in `/`.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # pipeline.sh uses what is set here, and sets what is used

is_in_parts() { case $MAPPING_URI in */) true ;; *) false ;; esac }

# list_parts FILE: what the prefix has, a line for each part and for owners.yaml: the ETag, a tab, the name.
list_parts() {
    if ! aws s3api list-objects-v2 --bucket "$(bucket "$MAPPING_URI")" --prefix "$(key "$MAPPING_URI")" --output json \
        >"$work/objects.json" 2>"$work/aws.err"; then
        die 2 "cannot list $MAPPING_URI: $(tr '\n' ' ' <"$work/aws.err")" "the role needs s3:ListBucket on its bucket"
    fi
    jq -r --arg prefix "$(key "$MAPPING_URI")" '.Contents[]? | (.Key | ltrimstr($prefix)) as $name
        | select($name | (test("\\.(ya?ml|json)$") and (test("(^|/)\\.") | not))) | "\(.ETag)\t\($name)"' \
        "$work/objects.json" | sort >"$1"
}

# The parts of the folder, by name.
local_parts() {
    (cd "$mapping" && find -L . -type f \( -name '*.yaml' -o -name '*.yml' -o -name '*.json' \) ! -path '*/.*/*' ! -name '.*') |
        sed 's|^\./||' | sort
}

# Leaves what the prefix has in current/ and current.list. Sets `current` to what a change is compared with.
fetch_parts() {
    [ -d "$mapping" ] || die 2 "MAPPING_URI is $MAPPING_URI, a prefix, and $mapping is not a folder" \
        "set MAPPING to the folder with the parts, or MAPPING_URI to one object"
    rm -rf "$work/current"
    mkdir -p "$work/current"
    list_parts "$work/current.list"
    if ! aws s3 cp --recursive --only-show-errors "$MAPPING_URI" "$work/current" --exclude '*' \
        --include '*.yaml' --include '*.yml' --include '*.json' >"$work/aws.err" 2>&1; then
        die 2 "cannot read $MAPPING_URI: $(tr '\n' ' ' <"$work/aws.err")" "the role needs s3:GetObject on everything below it"
    fi
    list_parts "$work/again.list"
    cmp -s "$work/current.list" "$work/again.list" || die 5 "$MAPPING_URI changed while it was read" "run this again"
    : >"$work/current.yaml"
    echo none >"$work/current.yaml.etag"
    if [ -s "$work/current.list" ]; then
        echo parts >"$work/current.yaml.etag"
        current=$work/current
    fi
}

etag_of() { awk -F '\t' -v name="$2" '$2 == name { print $1 }' "$1"; }
size_of() { if [ -e "$1" ]; then wc -c <"$1"; else echo 0; fi }

# What differs from current/, in the order of the upload: owners.yaml, so that grants come before claims; then parts that
# grow before those that shrink, so that a domain that moves is in its new part before it leaves the old one.
changed_parts() {
    local name
    while IFS= read -r name; do
        cmp -s "$mapping/$name" "$work/current/$name" && continue
        local rank=$(($(size_of "$mapping/$name") - $(size_of "$work/current/$name")))
        [ "$name" != owners.yaml ] || rank=999999999
        printf '%s\t%s\n' "$rank" "$name"
    done < <(local_parts) | sort -k 1,1nr -k 2 | cut -f 2-
}

# Uploads what has changed, each object if it is still what was compared; removes what is gone last.
upload_parts() {
    local name etag type
    list_parts "$work/latest.list"
    cmp -s "$work/current.list" "$work/latest.list" ||
        die 5 "$MAPPING_URI has changed since it was compared" "run this again: it compares with what is there now"
    changed_parts >"$work/changed"
    cut -f 2- "$work/current.list" | sort | comm -23 - <(local_parts) >"$work/gone"
    if [ ! -s "$work/changed" ] && [ ! -s "$work/gone" ]; then
        echo "$MAPPING_URI has it already"
        return
    fi
    cp "$work/current.list" "$work/expected.list"
    while IFS= read -r name; do
        etag=$(etag_of "$work/current.list" "$name")
        type=application/yaml
        [ "${name%.json}" = "$name" ] || type=application/json
        etag=$(put "$mapping/$name" "$MAPPING_URI$name" "${etag:-none}" "$type")
        awk -F '\t' -v name="$name" '$2 != name' "$work/expected.list" >"$work/others.list"
        { cat "$work/others.list" && printf '%s\t%s\n' "$etag" "$name"; } >"$work/expected.list"
        echo "uploaded $name"
    done <"$work/changed"
    while IFS= read -r name; do
        aws s3api delete-object --bucket "$(bucket "$MAPPING_URI")" --key "$(key "$MAPPING_URI$name")" >/dev/null 2>"$work/aws.err" ||
            die 2 "cannot remove $MAPPING_URI$name: $(tr '\n' ' ' <"$work/aws.err")" "the role needs s3:DeleteObject on it"
        awk -F '\t' -v name="$name" '$2 != name' "$work/expected.list" >"$work/others.list"
        mv "$work/others.list" "$work/expected.list"
        echo "removed $name"
    done <"$work/gone"
    list_parts "$work/latest.list"
    sort "$work/expected.list" | cmp -s - "$work/latest.list" ||
        die 5 "$MAPPING_URI is not what was uploaded" "somebody else writes there: see the objects' versions"
    cp "$work/latest.list" "$work/current.list"
    rm -rf "$work/current"
    cp -R "$mapping" "$work/current"
    "$nameplate" check "$mapping" --format json | jq -r '"uploaded version \(.version)"'
    echo "each task shows it in nameplate_mapping_info and in /mapping, unless a part has an error there"
}
