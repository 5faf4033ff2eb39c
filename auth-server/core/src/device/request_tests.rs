use serde_json::Map;
use trefoil_shared::ValueKind;

use super::*;
use crate::authorization::{GrantPolicy, Stage};
use crate::device::{DevicePolicy, UserCode};
use crate::model::Client;
use crate::protocol::samples;
use crate::secrets::OsRng;

const NOW: Timestamp = Timestamp(1_000_000);

fn request() -> DeviceRequest {
    let asked = ("read".parse().unwrap(), vec!["api".parse().unwrap()]);
    let grant = RecordId::from_random([9; 16]);
    DeviceRequest::begin("tv".parse().unwrap(), asked, grant, (NOW, DevicePolicy::default()))
}

fn authorization() -> Box<Authorization> {
    Box::new(Authorization {
        grant_id: "g".to_owned(),
        client_id: "tv".parse().unwrap(),
        sub: "u_1".to_owned(),
        data: Map::new(),
        scopes: "read".parse().unwrap(),
        resources: vec![],
        nonce: None,
        auth_time: NOW,
        amr: vec![],
        acr: None,
        claims: None,
        sid: None,
        offline: false,
        redirect_uri: String::new(),
        redirect_named: false,
        challenge: None,
        seed: "seed".to_owned(),
        root: "root".to_owned(),
        created: NOW,
        ends: NOW.plus(100),
        idle_ends: NOW.plus(100),
        access_until: NOW,
        wrong_verifiers: 0,
        stage: Stage::Code { until: NOW.plus(1_200) },
    })
}

#[test]
fn d53_request_and_answers_are_read_as_they_were_written() {
    let request = request();
    assert_eq!(DeviceRequest::read(&request.record(&OsRng).unwrap()), Ok(request.clone()));
    assert_eq!(request.grant(), Ok(RecordId::from_random([9; 16])));
    let approved = DeviceAnswer::Approved { authorization: authorization() };
    for answer in [approved, DeviceAnswer::Denied, DeviceAnswer::Expired] {
        let record = answer.record(&request, &OsRng).unwrap();
        assert_eq!(record.expires, NOW.plus(1_200), "it is kept as long as the request");
        assert_eq!(DeviceAnswer::read(&record), Ok(answer));
    }
}

#[test]
fn a058_an_answer_is_final_and_one_that_is_late_is_none() {
    let request = request();
    let at = |answer, seconds| polled(&request, answer, NOW.plus(seconds));
    assert_eq!(at(None, 599), Polled::Pending);
    assert_eq!(at(None, 600), Polled::Expires);
    for seconds in [0, 599, 600, 1_199] {
        let approved = Some(DeviceAnswer::Approved { authorization: authorization() });
        assert_eq!(at(approved, seconds), Polled::Approved(authorization()));
        assert_eq!(at(Some(DeviceAnswer::Denied), seconds), Polled::Denied);
        assert_eq!(at(Some(DeviceAnswer::Expired), seconds), Polled::Expired);
    }
}

#[test]
fn a029_the_names_of_records_say_nothing_of_the_codes() {
    let roots = RootSecrets::from_bytes(&[1; 32]);
    let code = OsRng.typed_value(ValueKind::DeviceCode);
    let name = DeviceName::of(&code, &roots);
    assert!(DeviceName::candidates(&code, &roots).contains(&name));
    let user_code = UserCode::random(&OsRng);
    let user = user_code.key(&roots);
    assert_eq!(user_code.keys(&roots), vec![user.clone()]);
    for key in [name.request_key(), name.answer_key(), name.slowed_key(), name.polls_key(12), user] {
        assert!(key.as_str().parse::<Key>().is_ok(), "{key}");
        let device = code.secret().reveal();
        assert!(
            !key.as_str().contains(device.get(4..20).unwrap())
                && !key.as_str().contains(&user_code.to_string().replace('-', ""))
        );
    }
    let record = name.record(NOW.plus(600), &OsRng).unwrap();
    assert_eq!(DeviceName::read(&record), Ok(name));
}

#[test]
fn a028_a_value_of_another_kind_is_no_device_code() {
    let device = OsRng.typed_value(ValueKind::DeviceCode);
    let text = device.secret().reveal();
    assert!(text.starts_with("tfd_"));
    let cut = text.get(..text.len() - 1).unwrap();
    for bad in [text.replacen("tfd_", "tfo_", 1), text.replacen("tfd_", "tfc_", 1), cut.to_owned()] {
        assert!(TypedValue::parse(ValueKind::DeviceCode, &bad).is_err(), "{bad}");
    }
    assert!(TypedValue::parse(ValueKind::OpaqueToken, text).is_err());
}

#[test]
fn a057_the_proof_of_a_redemption_outlives_the_request_however_short_tokens_live() {
    let roots = RootSecrets::from_bytes(&[1; 32]);
    let policy = GrantPolicy { max_access_lifetime: 1, refresh_grace: 0, ..GrantPolicy::default() };
    let approved = Authorization { root: roots.writing_id().to_owned(), ..*authorization() };
    for grant_types in [vec![], vec![trefoil_shared::GrantType::REFRESH_TOKEN]] {
        let client = Client { grant_types, ..samples::client() };
        let facts = |now| Facts { client: &client, now, policy, roots: &roots, cut_off: false };
        let request = request();
        let (given, refresh) = redeemed(&request, &approved, &facts(NOW.plus(1))).unwrap();
        assert_eq!(refresh.is_some(), !client.grant_types.is_empty());
        let (record, _) = given.first_record(request.grant().unwrap(), &roots, &OsRng).unwrap();
        assert!(record.expires >= request.kept_until(), "{:?}", record.expires);
        // What had no long life has ended, whether the record is there or not.
        assert_eq!(redeemed(&request, &approved, &facts(approved.ends)), None);
    }
}
