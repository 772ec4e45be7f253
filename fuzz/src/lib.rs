//! What the fuzz targets share: both edges over a store in memory, and a budget of memory.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use plaudit::{
    clock::SystemClock,
    grpc, rest,
    service::{Services, Settings},
    store::MemoryStore,
};
use tower::ServiceExt as _;

/// Calls of one server before it makes room for a new one: what was stored slows down what comes.
const CALLS: u32 = 500;
/// What a call may take besides a multiple of its body: its answer, decoded messages up to their limits.
const BUDGET_BYTES: usize = 24 << 20;
const BUDGET_PER_BYTE: usize = 16;
/// For an answer that has no end, as that of a watcher.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The allocator of every target: it counts.
pub struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is done by the system's allocator, with what it was given; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

/// Runs something that is about `body_bytes` from outside; it must not take more memory than that allows.
pub fn within_budget<T>(body_bytes: usize, run: impl FnOnce() -> T) -> T {
    within(BUDGET_BYTES + BUDGET_PER_BYTE * body_bytes, run)
}

/// Runs something that must not take more than so many bytes of memory at any moment.
pub fn within<T>(most_bytes: usize, run: impl FnOnce() -> T) -> T {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let done = run();
    let taken = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(taken <= most_bytes, "{taken} bytes of memory were taken, at most {most_bytes} are allowed");
    done
}

/// Both edges, without a socket. Nothing is scored.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    grpc: Router,
    rest: Router,
    calls: u32,
    /// The name of a conversation that is there, as `conversations/5000000000000087`.
    pub conversation: String,
    /// A rating of it that was offered.
    pub rating: String,
}

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

/// Lends the server of this thread.
pub fn with_server<T>(run: impl FnOnce(&mut Server) -> T) -> T {
    SERVER.with_borrow_mut(|place| {
        if place.as_ref().is_none_or(|server| server.calls >= CALLS) {
            *place = None;
            *place = Some(Server::start());
        }
        run(place.as_mut().expect("it was just made"))
    })
}

impl Server {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let settings = Settings { realtime_seconds: 0, ..Settings::default() };
        let opened =
            runtime.block_on(Services::open(Arc::new(MemoryStore::new()), Arc::new(SystemClock), settings));
        let services = Arc::new(opened.expect("an empty store opens"));
        let mut server = Self {
            runtime,
            grpc: grpc::routes(Arc::clone(&services)).into_axum_router(),
            rest: rest::router(services, &rest::Options::default()),
            calls: 0,
            conversation: String::new(),
            rating: String::new(),
        };
        let sample = include_str!("../../tests/cases/craftcx/assess.json");
        let sample: serde_json::Value = serde_json::from_str(sample).expect("JSON");
        let import = server.rest("POST", "/v1/assess", sample["request"]["json"].to_string().as_bytes());
        let id = import.1["id"].as_str().expect("an id").to_owned();
        let result = server.rest("GET", &format!("/v1/assess/{id}"), b"");
        result.1["conversation"].as_str().unwrap_or_default().clone_into(&mut server.conversation);
        let number = server.conversation.trim_start_matches("conversations/").to_owned();
        let offer = server.rest(
            "POST",
            &format!("/v1/conversations/{number}/ratings/offer"),
            br#"{"ratingType": "Csat"}"#,
        );
        offer.1["data"]["id"].as_str().unwrap_or_default().clone_into(&mut server.rating);
        server
    }

    /// One call over REST. A path that is none is not sent. Nothing that comes may be answered with 500.
    pub fn rest(&mut self, method: &str, path: &str, body: &[u8]) -> (StatusCode, serde_json::Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let Ok(request) = request.body(Body::from(body.to_vec())) else {
            return (StatusCode::BAD_REQUEST, serde_json::Value::Null);
        };
        let (head, answer, _) = self.call(self.rest.clone(), request);
        assert_ne!(
            head,
            StatusCode::INTERNAL_SERVER_ERROR,
            "{method} {path}: {}",
            String::from_utf8_lossy(&answer)
        );
        (head, serde_json::from_slice(&answer).unwrap_or_default())
    }

    /// One call over gRPC with one message. Nothing that comes may be answered with an error of the server.
    pub fn grpc(&mut self, path: &str, message: &[u8]) -> Option<String> {
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).expect("a small message").to_be_bytes());
        body.extend_from_slice(message);
        let request = Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
        let request = request.body(Body::from(body)).expect("a request");
        let (_, _, trailers) = self.call(self.grpc.clone(), request);
        let text = |name| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, said) = (text("grpc-status"), text("grpc-message").unwrap_or_default());
        // What is no protobuf is INTERNAL for every gRPC server of tonic.
        let is_ours = matches!(status.as_deref(), Some("2" | "13")) && !said.contains("decode");
        assert!(!is_ours, "{path}: {status:?} {said}");
        status
    }

    fn call(&mut self, router: Router, request: Request<Body>) -> (StatusCode, Vec<u8>, HeaderMap) {
        self.calls += 1;
        self.runtime.block_on(async {
            let response: Response = router.oneshot(request).await.expect("a router always answers");
            let (head, body) = response.into_parts();
            let mut headers = head.headers;
            match tokio::time::timeout(ANSWER_WITHIN, body.collect()).await {
                Ok(Ok(collected)) => {
                    headers.extend(collected.trailers().cloned().unwrap_or_default());
                    (head.status, collected.to_bytes().to_vec(), headers)
                }
                _ => (head.status, Vec::new(), headers),
            }
        })
    }
}

/// The path of every method of the API, in the order of its descriptors.
pub fn methods() -> Vec<String> {
    let pool =
        prost_reflect::DescriptorPool::decode(plaudit::proto::DESCRIPTORS).expect("our own descriptors");
    let services = pool.services().filter(|service| service.package_name() == "plaudit.v1");
    let methods = services.flat_map(|service| {
        let methods: Vec<_> = service.methods().collect();
        methods.into_iter().map(move |method| format!("/{}/{}", service.full_name(), method.name()))
    });
    methods.collect()
}
