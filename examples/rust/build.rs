//! Generates the stubs with protoc (Debian's protobuf-compiler).

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In a project of its own: wherever it keeps its copy of sessiond's proto/.
    let protos = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
    let services = ["payment_types/merchant_authentication.proto", "sessiond/v1/session.proto"]
        .map(|service| format!("{protos}/{service}"));

    println!("cargo:rerun-if-changed={protos}");
    tonic_prost_build::configure().build_server(false).compile_protos(&services, &[protos.to_string()])?;
    Ok(())
}
