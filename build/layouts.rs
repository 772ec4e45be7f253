//! Generates the layouts that `grpc/budget.rs` reads: for each message that can be part of a request, the fields that take more
//! memory decoded than on the wire.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet, ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

/// Messages by full name.
type Messages<'a> = BTreeMap<String, &'a DescriptorProto>;

pub fn generate(descriptors: &FileDescriptorSet) -> Result<String, String> {
    let mut messages = Messages::new();
    let mut services: Vec<&ServiceDescriptorProto> = Vec::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            if !message.nested_type.is_empty() {
                return Err(format!("{}: nested messages and maps have no layout yet", message.name()));
            }
            messages.insert(format!(".{}.{}", file.package(), message.name()), message);
        }
        services.extend(&file.service);
    }
    let mut generator =
        Generator { messages, done: BTreeSet::new(), counted: Vec::new(), code: String::new() };
    let mut roots = String::new();
    let mut readers = String::new();
    let mut seen = BTreeSet::new();
    for (service, method) in
        services.iter().flat_map(|service| service.method.iter().map(move |it| (service, it)))
    {
        let root = method.input_type();
        let streamed = method.client_streaming();
        if seen.insert(root.to_owned()) {
            generator.layout(root)?;
            if !streamed {
                let (path, constant) = (rust_path(root)?, constant(root));
                writeln!(roots, "impl Bounded for {path} {{ const LAYOUT: &'static Layout = &{constant}; }}")
                    .map_err(|cause| cause.to_string())?;
            }
        }
        let reader = if streamed { "crate::grpc::import::WireItem".to_owned() } else { rust_path(root)? };
        writeln!(
            readers,
            "    (\"/plaudit.v1.{}/{}\", &{}, crate::grpc::codec::discard::<{reader}>),",
            service.name(),
            method.name(),
            constant(root)
        )
        .map_err(|cause| cause.to_string())?;
    }
    let Generator { code, counted, .. } = generator;
    let counters: String = counted
        .iter()
        .enumerate()
        .map(|(index, name)| format!("    pub const {name}: usize = {index};\n"))
        .collect();
    Ok(format!(
        "{code}\n{roots}\n/// An index for each repeated field of a request.\npub mod counters {{\n{counters}    pub const COUNT: usize = {};\n}}\n\n\
         /// For each method: its path, the layout of its request, and a function that decodes one and drops it.\npub const READERS: &[(&str, &Layout, fn(&[u8]) -> Result<(), tonic::Status>)] = &[\n{readers}];\n",
        counted.len()
    ))
}

struct Generator<'a> {
    messages: Messages<'a>,
    done: BTreeSet<String>,
    counted: Vec<String>,
    code: String,
}

impl Generator<'_> {
    /// Writes the layout of a message, after those of the messages it contains.
    fn layout(&mut self, name: &str) -> Result<(), String> {
        if !self.done.insert(name.to_owned()) {
            return Ok(());
        }
        let message = *self.messages.get(name).ok_or_else(|| format!("{name} is not described"))?;
        let last = message.field.iter().map(FieldDescriptorProto::number).max().unwrap_or(0);
        let mut fields = vec!["Field::WITHIN".to_owned(); usize::try_from(last).unwrap_or(0) + 1];
        for field in &message.field {
            let place = usize::try_from(field.number()).map_err(|cause| cause.to_string())?;
            fields[place] = self.field(name, field)?;
        }
        write!(
            self.code,
            "pub static {}: Layout = Layout {{ name: {:?}, fields: &[\n    {},\n] }};\n",
            constant(name),
            name.trim_start_matches('.'),
            fields.join(",\n    ")
        )
        .map_err(|cause| cause.to_string())
    }

    fn field(&mut self, message: &str, field: &FieldDescriptorProto) -> Result<String, String> {
        let grows = field.r#type() == Type::Message && self.grows(field.type_name(), &mut Vec::new());
        if grows {
            self.layout(field.type_name())?;
        }
        let name = field.name();
        if field.label() != Label::Repeated {
            return Ok(match field.r#type() {
                Type::Bytes => "Field::Bytes".to_owned(),
                _ if grows => {
                    format!("Field::One {{ name: {name:?}, layout: &{} }}", constant(field.type_name()))
                }
                _ => "Field::WITHIN".to_owned(),
            });
        }
        let counter = format!("{}_{}", constant(message), name.to_uppercase());
        let size = match field.r#type() {
            Type::Message => format!("size_of::<{}>()", rust_path(field.type_name())?),
            Type::String | Type::Bytes => "size_of::<String>()".to_owned(),
            Type::Double | Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64 => {
                "8".to_owned()
            }
            Type::Bool => "1".to_owned(),
            Type::Group => return Err(format!("{message}.{name}: groups have no layout")),
            _ => "4".to_owned(),
        };
        let items = match field.r#type() {
            Type::Message if grows => format!("Items::Messages(&{})", constant(field.type_name())),
            Type::Message | Type::String | Type::Bytes => "Items::Delimited".to_owned(),
            Type::Double | Type::Fixed64 | Type::Sfixed64 => "Items::Packed { bytes: 8 }".to_owned(),
            Type::Float | Type::Fixed32 | Type::Sfixed32 => "Items::Packed { bytes: 4 }".to_owned(),
            _ => "Items::Packed { bytes: 1 }".to_owned(),
        };
        let code = format!(
            "Field::Many {{ name: {name:?}, counter: counters::{counter}, size: {size}, items: {items} }}"
        );
        self.counted.push(counter);
        Ok(code)
    }

    /// Whether a message has a repeated or bytes field at any depth.
    fn grows(&self, name: &str, above: &mut Vec<String>) -> bool {
        if above.iter().any(|known| known == name) {
            return false;
        }
        above.push(name.to_owned());
        let fields = self.messages.get(name).map_or(&[][..], |message| &message.field);
        let grows = fields.iter().any(|field| {
            field.label() == Label::Repeated
                || field.r#type() == Type::Bytes
                || (field.r#type() == Type::Message && self.grows(field.type_name(), above))
        });
        above.pop();
        grows
    }
}

/// `.plaudit.v1.StoreMessageRequest` becomes `STORE_MESSAGE_REQUEST`.
fn constant(name: &str) -> String {
    let mut constant = String::new();
    for character in name.rsplit('.').next().unwrap_or_default().chars() {
        if character.is_ascii_uppercase() && !constant.is_empty() {
            constant.push('_');
        }
        constant.push(character.to_ascii_uppercase());
    }
    constant
}

fn rust_path(name: &str) -> Result<String, String> {
    if let Some(name) = name.strip_prefix(".plaudit.v1.") {
        return Ok(format!("crate::proto::v1::{name}"));
    }
    let name =
        name.strip_prefix(".google.protobuf.").ok_or_else(|| format!("{name} is in an unknown package"))?;
    Ok(format!("prost_types::{name}"))
}
