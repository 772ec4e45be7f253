//! Stands in for grpcurl where a page's samples run: it makes the same call by the same descriptors and prints the same JSON.

use std::fs;

use plaudit::proto::DESCRIPTORS;
use prost::{
    Message as _,
    bytes::{Buf as _, BufMut as _},
};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use tonic::{
    Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Endpoint,
};

/// The arguments, each followed by this.
pub const END: char = '\u{1f}';
pub const ARGUMENTS: &str = "GRPCURL_ARGUMENTS";
/// The file that the answer is written to.
pub const OUT: &str = "GRPCURL_OUT";

#[tokio::test]
#[ignore = "the samples' shell runs it"]
async fn stands_in() {
    let arguments = std::env::var(ARGUMENTS).expect("the shell sets it");
    let mut arguments: Vec<&str> = arguments.split_terminator(END).collect();
    let method = arguments.pop().expect("a method");
    let address = arguments.pop().expect("an address");
    let (mut data, mut is_plain) = ("{}", false);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument {
            "-plaintext" => is_plain = true,
            "-d" => data = arguments.next().expect("JSON after -d"),
            other => panic!("grpcurl {other} is not known here: teach it"),
        }
    }
    assert!(is_plain, "the server has no TLS: -plaintext is missing");
    let answer = call(address, method, data).await;
    fs::write(std::env::var(OUT).expect("the shell sets it"), answer + "\n").unwrap();
}

async fn call(address: &str, method: &str, data: &str) -> String {
    let mut pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    pool.decode_file_descriptor_set(plaudit::proto::HEALTH_DESCRIPTORS).unwrap();
    let (service, name) = method.split_once('/').expect("service/method");
    let service =
        pool.get_service_by_name(service).unwrap_or_else(|| panic!("there is no service {service}"));
    let found = service.methods().find(|found| found.name() == name);
    let found = found.unwrap_or_else(|| panic!("there is no method {method}"));
    let mut json = serde_json::Deserializer::from_str(data);
    let request = DynamicMessage::deserialize(found.input(), &mut json).unwrap();
    json.end().unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = format!("/{method}").parse().unwrap();
    let answer = client.unary(Request::new(request), path, Dynamic(found.output())).await.unwrap();
    serde_json::to_string_pretty(answer.get_ref()).unwrap()
}

/// Encodes any message; decodes those of one kind.
#[derive(Clone)]
struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message.encode_to_vec());
        Ok(())
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let message = DynamicMessage::decode(self.0.clone(), bytes);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
