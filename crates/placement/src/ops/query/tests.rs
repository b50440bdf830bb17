use super::*;

fn at(minor: u16) -> Microversion {
    Microversion::new(1, minor)
}

#[test]
fn resources_are_read_or_refused() {
    assert_eq!(resources("VCPU:2,DISK_GB:5").unwrap(), [("VCPU".into(), 2), ("DISK_GB".into(), 5)].into());
    for malformed in ["", " ", "VCPU", "VCPU:", "VCPU:x", "VCPU:-1", "VCPU:0", "VCPU:1,", "VCPU:1:2"] {
        assert!(resources(malformed).is_err(), "{malformed}");
    }
}

#[test]
fn required_traits_in_all_forms() {
    let check = |query: &str, minor, any_of: &[&[&str]], none_of: &[&str]| {
        let traits = Traits::parse(&Params::parse(query), "required", at(minor)).unwrap();
        let any: Vec<BTreeSet<String>> = any_of.iter().map(|g| g.iter().map(|t| (*t).to_owned()).collect()).collect();
        let none: BTreeSet<String> = none_of.iter().map(|t| (*t).to_owned()).collect();
        assert_eq!((traits.any_of, traits.none_of), (any, none), "{query} {minor}");
    };
    check("required=T1,!T2&required=in:T3, T4", 39, &[&["T1"], &["T3", "T4"]], &["T2"]);
    check("required=T1&required=T2", 39, &[&["T1"], &["T2"]], &[]);
    check("required=T1&required=T2", 38, &[&["T2"]], &[]);
    check("required=!!!T1", 22, &[], &["T1"]);
    check("", 39, &[], &[]);
    let refused = |query: &str, minor| Traits::parse(&Params::parse(query), "required", at(minor)).is_err();
    for (query, minor) in [
        ("required=!T1", 21),
        ("required=in:T1,T2", 38),
        ("required=", 39),
        ("required=!", 39),
        ("required=T1,,T2", 39),
        ("required=in:T1,", 39),
        ("required=in:T1,!T2", 39),
    ] {
        assert!(refused(query, minor), "{query} {minor}");
    }
}

#[test]
fn what_is_required_and_forbidden_contradicts_itself() {
    let told = |query: &str| {
        let traits = Traits::parse(&Params::parse(query), "required", at(39)).unwrap();
        traits.contradictions().collect::<Vec<_>>()
    };
    assert_eq!(told("required=T1,!T1,T2"), ["T1"]);
    assert_eq!(told("required=in:T1,T2&required=!T1,!T2"), ["T1, T2"]);
    assert_eq!(told("required=in:T1,T2&required=!T1"), [""; 0]);
}

#[test]
fn aggregates_in_all_forms() {
    let (a, b) = ("9323b2b1-82c9-4e91-bdff-e95e808ef954", "8592a199-7d73-4465-8df6-ab00a6243c82");
    let check = |query: &str, minor, expect: Option<(usize, usize)>| {
        let found = MemberOf::parse(&Params::parse(query), "", at(minor)).ok();
        assert_eq!(found.map(|m| (m.any_of.len(), m.none_of.len())), expect, "{query} {minor}");
    };
    check(&format!("member_of={a}"), 3, Some((1, 0)));
    check(&format!("member_of=in:{a},{b}"), 3, Some((1, 0)));
    check(&format!("member_of={a}&member_of={b}"), 24, Some((2, 0)));
    check(&format!("member_of={a}&member_of={b}"), 23, None);
    check(&format!("member_of=!{a}"), 32, Some((0, 1)));
    check(&format!("member_of=!in:{a},{b}"), 32, Some((0, 2)));
    check(&format!("member_of=!{a}"), 31, None);
    check(&format!("member_of={a},{b}"), 32, None);
    check("member_of=here", 32, None);
    check("member_of=in:", 32, None);
}
