//! Below a prefix of S3, behind moto's real S3 API.

use super::parts;
use crate::harness::moto::Moto;
use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};

#[test]
fn every_object_below_a_prefix_is_a_part() {
    let (api, (moto, _alone)) = (Origin::ok(), Moto::start());
    moto.make_bucket("maps");
    moto.put("/maps/live/pay.yaml", mapping(&[("pay.example.com", "/prod")]).as_bytes());
    moto.put("/maps/live/web/shop.json", br#"{"APIS": [{"CUSTOM_DOMAIN_URL": "shop.example.com", "PRIVATE_API_URL": "https://abc123.execute-api.eu-west-1.amazonaws.com/prod"}]}"#);
    moto.put("/maps/other/no.yaml", mapping(&[("no.example.com", "/prod")]).as_bytes());
    let builder = server(&api).arguments(&["--mapping", "s3://maps/live/"]);
    let server = moto.environment(builder).settings("reload: { poll: 1s, cache: '' }").start();
    assert_eq!(
        [server.get("pay.example.com"), server.get("shop.example.com"), server.get("no.example.com")],
        [200, 200, 421]
    );

    moto.put("/maps/live/pay.yaml", b"APIS: [");
    moto.put("/maps/live/web/new.yaml", mapping(&[("new.example.com", "/prod")]).as_bytes());
    server.admin().wait_for_metric(&parts("rejected"), 1.0);
    server.admin().wait_for_metric(&parts("active"), 2.0);
    assert_eq!([server.get("pay.example.com"), server.get("new.example.com")], [200, 200]);
    server.wait_for("s3://maps/live/pay.yaml:1:");
}
