//! Writes the seeds of every target into `fuzz/corpus`, from the samples of the repository.

use std::{fs, io, path::Path};

use plaudit::{
    domain::ImportLimits,
    grpc::budget::{Field, Layout, READERS},
    interchange::craftcx::parse_conversation,
    proto::v1::{
        ConflictPolicy, GetConversationRequest, ImportConversationRequest, ListConversationsRequest,
        ListRatingsRequest, Message, StoreMessageRequest,
    },
    store::{Batch, Keyspace as _, MemoryStore, dump},
    wire::export::{Lines, Part, to_request},
};
use plaudit_fuzz::methods;
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use serde_json::Value;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read(root.join(path));
    let json = |path: &str| -> io::Result<Value> { Ok(serde_json::from_slice(&read(path)?)?) };

    let assess = json("tests/cases/craftcx/assess.json")?["request"]["json"].to_string().into_bytes();
    seed("rest_craftcx", 0, [vec![1], assess.clone()].concat())?;
    seed("export_line", 0, assess.clone())?;
    seed("rest_enneo", 0, [vec![3], read("tests/cases/enneo/conversation-store-request.json")?].concat())?;
    seed("rest_enneo", 1, b"\x008821".to_vec())?;
    let rating: &[u8] = br#"{"ratingResult": {"value": 4, "_type": "Csat"}, "ratingComment": "Quick"}"#;
    seed("rest_dixa", 0, [b"\x04", rating].concat())?;
    seed(
        "rest_dixa",
        1,
        b"\x03{\"ratingType\": \"Csat\", \"offerTime\": \"2027-01-15T08:00:00Z\"}".to_vec(),
    )?;
    seed("rest_dixa", 2, b"\x01_type=Csat".to_vec())?;

    let Value::Array(demo) = json("demo/conversations.json")? else { return Ok(()) };
    let ticket = json("demo/ticket.json")?;
    for (number, line) in demo.iter().chain([&ticket]).enumerate() {
        seed("export_line", number + 1, line.to_string().into_bytes())?;
    }
    let imports: Vec<_> = demo.into_iter().filter_map(import).collect();
    let lines = export_lines(&imports)?;
    for (number, line) in lines.iter().enumerate() {
        seed("export_line", 100 + number, line.clone())?;
    }
    let file = [lines.join(&b'\n'), b"\n\n".to_vec(), assess].concat();
    seed("import_file", 0, [b"\x01", file.as_slice()].concat())?;
    seed("import_file", 1, [b"\x04", file.as_slice()].concat())?;
    grpc(&imports)?;

    for (number, name) in ["axis", "service-basics"].into_iter().enumerate() {
        let yaml = read(&format!("scorecards/{name}.yaml"))?;
        for (place, line) in String::from_utf8_lossy(&yaml).lines().enumerate() {
            if let Some((_, rule)) = line.split_once(": ").filter(|(key, _)| !key.trim().starts_with('#')) {
                seed("cel_rule", 1000 * number + place, rule.trim_matches(['"', '\'']).as_bytes().to_vec())?;
            }
        }
        seed("scorecard_yaml", number, yaml)?;
    }

    for (number, file) in fs::read_dir(root.join("tests/fixtures/records/v1"))?.enumerate() {
        let hex = fs::read_to_string(file?.path())?;
        let pairs = hex.trim().as_bytes().chunks(2);
        let bytes = pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        seed("stored_record", number, bytes.collect())?;
    }

    let dump = small_dump();
    // A pair whose value says that it has 16 MiB, and has nothing.
    let title = dump.get(..17).unwrap_or_default();
    seed("dump_file", 1, [title, &[1, 0, 0, 0, 1, 1, 0, 0, 0, 9]].concat())?;
    seed("dump_file", 0, dump)?;
    seed(
        "html",
        0,
        b"<html><p>It <b>holds</b>.<br>Thank you &amp; bye<!-- x --><ul><li>one</ul></p>".to_vec(),
    )?;
    for (number, line) in read("docs/configuration.md")?.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        let mut cells = line.split('|').map(str::trim).skip(1);
        if let Some((name, value)) = cells.next().zip(cells.next()).filter(|(name, _)| name.starts_with('`'))
        {
            let name = name.trim_matches('`');
            let quoted = if value.parse::<u64>().is_ok() { value.to_owned() } else { format!("{value:?}") };
            seed("settings_file", number, format!("{name} = {quoted}\n").into_bytes())?;
        }
    }

    for (number, name) in [
        "conversations/5000000000000087",
        "conversations/zendesk:4711",
        "conversations/a%2Fb:c%3Ad/messages/5000000000000088",
        "conversations/5000000000000087/messages/5000000000000088/attachments/5000000000000089",
        "conversations/5000000000000087/assessments/5000000000000090",
        "conversations/dixa:1/ratings/0f8fad5b-d9cb-469f-a165-70867728950e",
        "imports/b0potzclaw6zs20elnwrdsac",
        "people/enneo:ai:bot",
        "people/5000000000000091",
        "teams/enneo:5",
        "scorecards/axis@1",
    ]
    .into_iter()
    .enumerate()
    {
        seed("resource_name", number, name.as_bytes().to_vec())?;
    }
    for (number, place) in
        ["5000000000000087", "1700000000000.5000000000000087.0.5000000000000087.1", "8400ff"]
            .iter()
            .enumerate()
    {
        seed("page_token", number, place.as_bytes().to_vec())?;
    }
    Ok(())
}

/// A conversation of the demo as a request.
fn import(mut conversation: Value) -> Option<ImportConversationRequest> {
    conversation.as_object_mut()?.remove("about");
    let parsed = parse_conversation(conversation.to_string().as_bytes(), ImportLimits::default());
    Some(to_request(parsed.ok()?, ConflictPolicy::ReturnExisting))
}

/// The lines of an export, of each conversation two.
fn export_lines(imports: &[ImportConversationRequest]) -> io::Result<Vec<Vec<u8>>> {
    let lines = Lines::load().map_err(io::Error::other)?;
    let of = |import: &ImportConversationRequest| {
        let conversation = import.conversation.clone().unwrap_or_default();
        let part = |messages: &[Message]| Part { messages: messages.to_vec(), ..Part::default() };
        let (first, rest) = import.messages.split_at(import.messages.len() / 2);
        Ok([
            lines.conversation(&conversation, false, &part(first))?.json,
            lines.conversation(&conversation, true, &part(rest))?.json,
        ])
    };
    let all: Result<Vec<_>, String> = imports.iter().map(of).collect();
    Ok(all.map_err(io::Error::other)?.concat())
}

/// The documented requests, each for its method.
fn grpc(imports: &[ImportConversationRequest]) -> io::Result<()> {
    let methods = methods();
    let seed_of = |number: usize, method: &str, message: Vec<u8>| match methods
        .iter()
        .position(|path| path.ends_with(method))
    {
        Some(place) => seed("grpc", number, [vec![place as u8], message].concat()),
        None => Err(io::Error::other(format!("the API has no method {method}"))),
    };
    for (number, import) in imports.iter().enumerate() {
        seed_of(number, "/ImportConversation", import.encode_to_vec())?;
    }
    let store = StoreMessageRequest { parent: "conversations/custom:1".to_owned(), ..Default::default() };
    seed_of(100, "/StoreMessage", store.encode_to_vec())?;
    let get = GetConversationRequest { name: "conversations/custom:1".to_owned(), ..Default::default() };
    seed_of(101, "/GetConversation", get.encode_to_vec())?;
    seed_of(102, "/ListConversations", ListConversationsRequest::default().encode_to_vec())?;
    seed_of(103, "/ListRatings", ListRatingsRequest::default().encode_to_vec())?;
    for (place, method) in methods.iter().enumerate() {
        // Every method with nothing, and with as many empty items as 2 MiB hold.
        seed("grpc", 200 + place, vec![place as u8])?;
        let layout = READERS.iter().find(|(known, ..)| known == method).map(|(_, layout, _)| *layout);
        if let Some(message) = layout.and_then(|layout| repeated(layout, 1 << 20)) {
            seed("grpc", 400 + place, [vec![place as u8], message].concat())?;
        }
    }
    Ok(())
}

/// A message in which the largest item of those that are repeated comes so often, empty.
fn repeated(layout: &Layout, count: usize) -> Option<Vec<u8>> {
    let (way, _) = largest_item(layout)?;
    let (last, above) = way.split_last()?;
    let mut message = Vec::new();
    for _ in 0..count {
        encode_key(*last, WireType::LengthDelimited, &mut message);
        message.push(0);
    }
    for number in above.iter().rev() {
        let mut outer = Vec::new();
        encode_key(*number, WireType::LengthDelimited, &mut outer);
        encode_varint(message.len() as u64, &mut outer);
        outer.append(&mut message);
        message = outer;
    }
    Some(message)
}

/// The way to it, in numbers of fields, and its size.
fn largest_item(layout: &Layout) -> Option<(Vec<u32>, usize)> {
    let found = layout.fields.iter().zip(0..).filter_map(|(field, number)| match field {
        Field::Many { size, .. } => Some((vec![number], *size)),
        Field::One { layout, .. } => {
            largest_item(layout).map(|(way, size)| ([vec![number], way].concat(), size))
        }
        Field::Within | Field::Bytes => None,
    });
    found.max_by_key(|(_, size)| *size)
}

/// A dump without its checksum, which the target puts there.
fn small_dump() -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let store = MemoryStore::new();
        let put = vec![(vec![1, 2], vec![3, 4].into()), (vec![5], vec![].into())];
        let batch = Batch { put, log: vec![vec![6].into()], ..Batch::default() };
        store.commit(batch).await.expect("the store takes it");
        let mut file = Vec::new();
        dump::dump(&store, &mut file, &mut |_| ()).await.expect("it is dumped");
        file.truncate(file.len() - 32);
        file
    })
}

fn seed(target: &str, number: usize, bytes: Vec<u8>) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed-{number}")), bytes)
}
