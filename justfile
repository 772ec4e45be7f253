# The habits, by name; `just` lists them. They are the commands of CONTRIBUTING.md, which work without `just` too.

_list:
    @just --list

# everything that must hold before a change lands
ci:
    bash .ci/run

# the quick part of it: format, lints, documentation
check:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --lib --document-private-items

# all tests, or those whose name holds NAME
test NAME="":
    cargo test --locked {{NAME}}

# unit tests whose name holds NAME
unit NAME:
    cargo test --locked --lib {{NAME}}

# integration tests whose name holds NAME
it NAME:
    cargo test --locked --test it {{NAME}}

# licences, bans and sources of the dependencies, and advisories
deny:
    cargo deny --locked check

# the server with its demo data
demo:
    cargo run --locked --release -- serve --demo

# one bench: main_job, bulk, operations, scoring, store, or side_by_side with BASELINE set
bench NAME:
    cargo bench --locked --bench {{NAME}}

# every fuzz target for SECONDS each, or those named
fuzz SECONDS="60" *TARGETS:
    fuzz/run {{SECONDS}} {{TARGETS}}

# what callers were promised: after a change that breaks them on purpose
renew-proto-baseline:
    cd proto && npx --yes @bufbuild/buf@1.75.0 build -o baseline.binpb
