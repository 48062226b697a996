//! The metrics: their names, what they mean, where their values come from. `docs/operations.md`
//! lists them.

use super::sample::{CoreSample, LinkSample, Sample, ShardSample};
use super::text::Kind::{Counter, Gauge, Histogram};
use super::text::{Kind, Text};
use crate::io::lines::LineStats;
use crate::io::process::ProcessStats;
use crate::s3::error::ErrorCode;
use crate::s3::observe::NO_OPERATION;
use crate::s3::route::Operation;
use crate::shard::meters::{LATENCY_BOUNDS_US, OperationMeter};
use std::fmt::Display;

/// Statuses of answers, as they are told apart.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The page that is served.
#[must_use]
pub fn render(sample: &Sample) -> Vec<u8> {
    let mut text = Text::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    let help = "Always 1; the labels say which build this is.";
    text.family("chainring_build_info", Gauge, help)
        .sample(&version, 1);
    let help = "Number of the namespace's state; grows with every change.";
    text.single(
        "chainring_namespace_generation",
        Gauge,
        help,
        sample.generation,
    );
    requests(&mut text, &sample.cores);
    durations(&mut text, &sample.cores);
    cores(&mut text, &sample.cores);
    shards(&mut text, &sample.cores);
    links(&mut text, &sample.links);
    if let Some(audit) = &sample.audit {
        audit_log(&mut text, audit);
    }
    process(&mut text, &sample.process, sample.since.seconds());
    text.into_bytes()
}

/// Name of the operation with this number.
fn operation_name(number: usize) -> Option<&'static str> {
    if number == NO_OPERATION {
        return Some("unknown");
    }
    Operation::ALL.get(number).map(|operation| operation.name())
}

fn requests(text: &mut Text, cores: &[CoreSample]) {
    let help = "Requests by core, operation and class of the status.";
    let mut family = text.family("chainring_s3_requests_total", Counter, help);
    for core in cores {
        let number = core.core.to_string();
        for (operation, meter) in core.operations.iter().enumerate() {
            let Some(operation) = operation_name(operation) else {
                continue;
            };
            for (class, count) in CLASSES.iter().zip(meter.classes) {
                if count > 0 {
                    let labels = [
                        ("core", &*number),
                        ("operation", operation),
                        ("status", *class),
                    ];
                    family.sample(&labels, count);
                }
            }
        }
    }
    let help = "Refused and failed requests by the code of their error.";
    let mut family = text.family("chainring_s3_errors_total", Counter, help);
    for (number, code) in ErrorCode::ALL.iter().enumerate() {
        let count: u64 = cores.iter().filter_map(|core| core.codes.get(number)).sum();
        if count > 0 {
            family.sample(&[("code", code.as_str())], count);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds need no 53 bits")]
fn durations(text: &mut Text, cores: &[CoreSample]) {
    let help = "Time from a request's head to the end of its answer, all cores together.";
    let mut family = text.family("chainring_s3_request_duration_seconds", Histogram, help);
    let bounds = LATENCY_BOUNDS_US.map(|bound| bound as f64 / 1e6);
    for number in 0..=NO_OPERATION {
        let mut sum = OperationMeter::default();
        for meter in cores.iter().filter_map(|core| core.operations.get(number)) {
            sum.add(meter);
        }
        if let Some(operation) = operation_name(number)
            && sum.requests() > 0
        {
            let seconds = sum.latency_us as f64 / 1e6;
            family.histogram(&[("operation", operation)], &bounds, &sum.latency, seconds);
        }
    }
}

/// A metric with a value for each core.
fn per_core<V: Display>(
    text: &mut Text,
    cores: &[CoreSample],
    (name, kind, help): (&'static str, Kind, &str),
    value: impl Fn(&CoreSample) -> V,
) {
    let mut family = text.family(name, kind, help);
    for core in cores {
        family.sample(&[("core", &core.core.to_string())], value(core));
    }
}

#[rustfmt::skip]
fn cores(text: &mut Text, cores: &[CoreSample]) {
    let mut put = |about, value: fn(&CoreSample) -> u64| per_core(text, cores, about, value);
    put(("chainring_s3_requests_in_progress", Gauge, "Requests under way."),
        |core| core.requests.in_progress);
    put(("chainring_s3_received_bytes_total", Counter, "Bytes of request bodies."),
        |core| core.requests.received);
    put(("chainring_s3_sent_bytes_total", Counter, "Bytes of the bodies of answers."),
        |core| core.requests.sent);
    put(("chainring_s3_responses_cut_off_total", Counter, "Answers that did not reach their client."),
        |core| core.requests.cut_off);
    put(("chainring_s3_connections", Gauge, "Connections that are open."),
        |core| core.requests.connections);
    put(("chainring_s3_connections_accepted_total", Counter, "Connections that were accepted."),
        |core| core.requests.accepted);
    put(("chainring_s3_connections_refused_total", Counter, "Connections that were too many."),
        |core| core.requests.refused);
    put(("chainring_mailbox_jobs_total", Counter, "Jobs that came from other cores."),
        |core| core.jobs);
    put(("chainring_mailbox_batches_total", Counter, "Times that jobs were taken out; several may come at once."),
        |core| core.job_batches);
    put(("chainring_buffer_pool_bytes", Gauge, "Bytes of buffers kept for reuse."),
        |core| core.pool_bytes as u64);
    put(("chainring_upload_memory_bytes", Gauge, "Bytes of uploads in memory."),
        |core| core.upload_bytes as u64);
    put(("chainring_download_memory_bytes", Gauge, "Bytes of downloads in memory."),
        |core| core.download_bytes as u64);
    put(("chainring_cache_hits_total", Counter, "Records and parts of large bodies found in the cache."),
        |core| core.cache.hits);
    put(("chainring_cache_misses_total", Counter, "Records and parts of large bodies not found in the cache."),
        |core| core.cache.misses);
    put(("chainring_cache_bytes", Gauge, "Memory that the cache takes."),
        |core| core.cache.bytes);
    put(("chainring_cache_items", Gauge, "Records and parts of large bodies in the cache."),
        |core| core.cache.items);
    put(("chainring_links_counted", Gauge, "Links whose counters a core keeps."),
        |core| core.links as u64);
    put(("chainring_links_forgotten_total", Counter, "Links whose counters a core gave up for others."),
        |core| core.links_forgotten);
}

#[rustfmt::skip]
fn shards(text: &mut Text, cores: &[CoreSample]) {
    let mut shards: Vec<&ShardSample> = cores.iter().flat_map(|core| &core.shards).collect();
    shards.sort_by_key(|shard| shard.shard);
    let mut put = |name, kind, help, value: fn(&ShardSample) -> u64| {
        let mut family = text.family(name, kind, help);
        for shard in &shards {
            family.sample(&[("shard", &shard.shard.to_string())], value(shard));
        }
    };
    put("chainring_log_written_bytes_total", Counter, "Bytes queued for the log, padding included.",
        |shard| shard.log.bytes);
    put("chainring_log_records_total", Counter, "Records appended to the log.",
        |shard| shard.log.records);
    put("chainring_log_batches_total", Counter, "Batches of records written to the log.",
        |shard| shard.log.batches);
    put("chainring_log_extents_total", Counter, "Parts of large bodies written to the log.",
        |shard| shard.log.extents);
    put("chainring_log_flushes_total", Counter, "Flushes of the log; records per flush show how well they are shared.",
        |shard| shard.log.flushes);
    put("chainring_log_segments", Gauge, "Segments in use.",
        |shard| shard.log.segments as u64);
    put("chainring_log_read_only", Gauge, "1 after a failed write: the shard takes no more of them.",
        |shard| u64::from(shard.log.poisoned));
    put("chainring_log_full", Gauge, "1 when the device had no room for another segment.",
        |shard| u64::from(shard.log.full));
    put("chainring_compaction_moved_bytes_total", Counter, "Bytes moved to free the segments they were in.",
        |shard| shard.compaction.moved);
    put("chainring_compaction_reclaimed_bytes_total", Counter, "Bytes of segments that left the log.",
        |shard| shard.compaction.reclaimed);
    put("chainring_log_counted_bytes", Gauge, "Bytes of the log when it was last counted what is alive in it.",
        |shard| shard.compaction.total);
    put("chainring_log_live_bytes", Gauge, "Bytes alive in the log then.",
        |shard| shard.compaction.live);
    put("chainring_log_damaged_segments", Gauge, "Segments that cannot be freed because something in them is damaged.",
        |shard| shard.compaction.damaged as u64);
    put("chainring_index_entries", Gauge, "Objects, uploads and parts in the index.",
        |shard| shard.entries as u64);
    put("chainring_index_memory_bytes", Gauge, "Memory of the index.",
        |shard| shard.index_bytes as u64);
    put("chainring_scrub_read_bytes_total", Counter, "Bytes read in search for rot.",
        |shard| shard.scrub.bytes);
    put("chainring_scrub_passes_total", Counter, "Searches for rot that came to their end.",
        |shard| shard.scrub.passes);
    put("chainring_scrub_damaged_places", Gauge, "Places of the log that cannot be read any more.",
        |shard| shard.scrub.damaged);
}

#[rustfmt::skip]
fn links(text: &mut Text, links: &[LinkSample]) {
    let mut put = |name, kind, help, value: fn(&LinkSample) -> u64| {
        let mut family = text.family(name, kind, help);
        for link in links {
            family.sample(&[("volume", &link.volume), ("link", &link.name)], value(link));
        }
    };
    put("chainring_link_requests_total", Counter, "Requests to a link, or that copy from it.",
        |link| link.stats.requests);
    put("chainring_link_errors_total", Counter, "Those that failed.",
        |link| link.stats.errors);
    put("chainring_link_received_bytes_total", Counter, "Bytes of their bodies.",
        |link| link.stats.bytes_in);
    put("chainring_link_sent_bytes_total", Counter, "Bytes of the bodies of their answers.",
        |link| link.stats.bytes_out);
    put("chainring_link_last_used_timestamp_seconds", Gauge, "When the last one came.",
        |link| link.stats.last_used.map_or(0, |at| at.seconds()));
}

#[rustfmt::skip]
fn audit_log(text: &mut Text, audit: &LineStats) {
    text.single("chainring_audit_lines_total", Counter, "Lines written to the audit log.", audit.written);
    text.single("chainring_audit_lines_lost_total", Counter, "Lines that could not be written.", audit.lost);
    text.single("chainring_audit_written_bytes_total", Counter, "Bytes written to the audit log.", audit.bytes);
    text.single("chainring_audit_rotations_total", Counter, "Times that a new file was begun.", audit.rotations);
    text.single("chainring_audit_failing", Gauge, "1 while the audit log cannot be written.", u64::from(audit.failing));
}

#[rustfmt::skip]
fn process(text: &mut Text, process: &ProcessStats, since: u64) {
    text.single("process_cpu_seconds_total", Counter, "Processor time used.", process.cpu.as_secs_f64());
    text.single("process_start_time_seconds", Gauge, "When the daemon started.", since);
    let mut put = |name, help, value: Option<u64>| if let Some(value) = value {
        text.single(name, Gauge, help, value);
    };
    put("process_resident_memory_bytes", "Memory in use.", process.resident_bytes);
    put("process_virtual_memory_bytes", "Addresses in use.", process.virtual_bytes);
    put("process_open_fds", "Open files and sockets.", process.open_files);
    put("process_max_fds", "Files and sockets that may be open.", process.open_files_max);
}
