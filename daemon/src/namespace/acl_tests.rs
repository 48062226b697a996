//! Tests of access control lists.

use super::*;
use crate::namespace::right::LETTERS;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[test]
fn rules_are_read_and_printed_as_ozone_does() {
    for (text, printed) in [
        ("user:bob:rl[ACCESS]", "user:bob:rl[ACCESS]"),
        ("group:eng:a", "group:eng:a[ACCESS]"),
        ("world::r", "world::r[ACCESS]"),
        ("anonymous::r[DEFAULT]", "anonymous::r[DEFAULT]"),
        ("WORLD:WORLD:lr", "world::rl[ACCESS]"),
        ("user:tenant$bob:yxldcwr", "user:tenant$bob:rwcdlxy[ACCESS]"),
        (" user:bob:n ", "user:bob:n[ACCESS]"),
        ("user:bob:ra[default]", "user:bob:a[DEFAULT]"),
    ] {
        let rule: Rule = text.parse().expect(text);
        assert_eq!(rule.to_string(), printed);
        assert_eq!(printed.parse(), Ok(rule));
    }
}

#[test]
fn what_is_wrong_with_a_rule_is_said() {
    let wrong = |text: &str| text.parse::<Rule>().expect_err(text);
    assert_eq!(wrong("bob"), AclError::Form("bob".into()));
    assert_eq!(wrong("user:bob"), AclError::Form("user:bob".into()));
    assert_eq!(
        wrong("user:b:r[ACCESS"),
        AclError::Form("user:b:r[ACCESS".into())
    );
    assert_eq!(wrong("robot:bob:r"), AclError::UnknownType("robot".into()));
    assert_eq!(wrong("user::r"), AclError::NameMissing("user"));
    assert_eq!(wrong("group::r"), AclError::NameMissing("group"));
    assert_eq!(wrong("world:bob:r"), AclError::NameUnexpected("world"));
    assert_eq!(
        wrong("user:b b:r"),
        AclError::InvalidName("user", "b b".into())
    );
    assert_eq!(wrong("user:bob:"), AclError::NoRights);
    assert_eq!(wrong("user:bob:[ACCESS]"), AclError::NoRights);
    assert_eq!(
        wrong("user:bob:rq"),
        AclError::UnknownRight('q', "rq".into())
    );
    assert_eq!(wrong("user:bob:R"), AclError::UnknownRight('R', "R".into()));
    assert_eq!(
        wrong("user:bob:r:w"),
        AclError::UnknownRight(':', "r:w".into())
    );
    assert!(matches!(
        wrong("user:bob:r[BOTH]"),
        AclError::UnknownScope(_)
    ));
    assert!(matches!(
        wrong("user:bob:r[ACCESS]]"),
        AclError::UnknownScope(_)
    ));
}

#[test]
fn rights_of_everybody_who_matches_add_up() {
    let list =
        Acl::parse("user:bob:r,group:eng:w,group:ops:d,world::l,anonymous::c,user:bob:a[DEFAULT]")
            .unwrap();
    let (bob, carol, groups) = (name("bob"), name("carol"), [name("eng")]);
    let who = |user, groups| Who {
        name: Some(user),
        groups,
        ..Who::ANONYMOUS
    };
    let rights = |who: &Who<'_>| {
        assert_eq!(Some(list.rights_of(who)), rights_in(&list.encode(), who));
        list.rights_of(who).to_string()
    };
    assert_eq!(rights(&who(&bob, &groups)), "rwl");
    assert_eq!(rights(&who(&bob, &[])), "rl");
    assert_eq!(rights(&who(&carol, &groups)), "wl");
    assert_eq!(rights(&who(&carol, &[])), "l");
    assert_eq!(rights(&Who::ANONYMOUS), "c");
}

#[test]
fn edits_join_rules_of_the_same_subject_and_scope() {
    let mut list = Acl::parse("user:bob:r,user:bob:l,user:bob:r[DEFAULT]").unwrap();
    assert_eq!(list.to_string(), "user:bob:rl[ACCESS],user:bob:r[DEFAULT]");
    let edit = |text: &str| Acl::parse(text).unwrap().rules().to_vec();
    list.remove(&edit("user:bob:r,user:carol:a")).unwrap();
    assert_eq!(list.to_string(), "user:bob:l[ACCESS],user:bob:r[DEFAULT]");
    list.remove(&edit("user:bob:a,user:bob:a[DEFAULT]"))
        .unwrap();
    assert!(list.is_empty());
    list.add(&edit("world::a")).unwrap();
    list.remove(&edit("world::w")).unwrap();
    assert_eq!(list.to_string(), "world::rcdlxy[ACCESS]");
}

#[test]
fn default_rules_are_inherited_for_access_and_as_they_are() {
    let list = Acl::parse("user:bob:a,group:eng:rl[DEFAULT]").unwrap();
    assert_eq!(
        list.inherited().to_string(),
        "group:eng:rl[ACCESS],group:eng:rl[DEFAULT]"
    );
}

#[test]
fn a_list_has_room_for_64_rules_of_the_longest_names_and_an_end() {
    let rule = |n: usize| format!("user:{n:063}:rl").parse::<Rule>().unwrap();
    let rules: Vec<Rule> = (0..ACL_RULES_MAX).map(rule).collect();
    assert!(rules.len() >= 64);
    let mut list = Acl::new(&rules).unwrap();
    assert_eq!(Acl::decode(&list.encode()), list);
    assert_eq!(list.add(&[rule(999)]), Err(AclError::TooManyRules));
}

#[test]
fn a_list_that_cannot_be_read_denies_and_is_kept() {
    for bytes in [&[9, 0, 1][..], &[3, 2, 1], &[3, 0, 0x80, 2], &[1, 0, 1, 9]] {
        let good = Acl::parse("world::a").unwrap().encode();
        let bytes = [&good, bytes].concat();
        let mut list = Acl::decode(&bytes);
        let bob = name("bob");
        let who = Who {
            name: Some(&bob),
            ..Who::ANONYMOUS
        };
        assert!(!list.is_readable() && !list.is_empty());
        assert!(list.rights_of(&who).is_none() && rights_in(&bytes, &who).is_none());
        assert!(list.checked(&who).is_none());
        assert_eq!(list.encode(), bytes);
        assert_eq!(list.add(&[]), Err(AclError::Unreadable));
        assert_eq!(list.remove(&[]), Err(AclError::Unreadable));
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let subject = prop_oneof![
        "[a-z$@.]{1,63}".prop_map(|n| Subject::User(name(&n))),
        "[a-c]{1,2}".prop_map(|n| Subject::Group(name(&n))),
        Just(Subject::World),
        Just(Subject::Anonymous),
    ];
    let rights = (0u64..=128).prop_map(|b| Rights::from_bits(b).unwrap_or(Rights::ALL));
    let scope = prop_oneof![Just(Scope::Access), Just(Scope::Default)];
    (subject, rights, scope).prop_map(|(subject, rights, scope)| Rule {
        subject,
        rights,
        scope,
    })
}

proptest! {
    #[test]
    fn rules_come_back_as_text_and_lists_as_bytes(rules in prop::collection::vec(any_rule(), 0..40)) {
        for rule in &rules {
            prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(*rule));
        }
        let list = Acl::new(&rules).unwrap();
        prop_assert_eq!(&Acl::decode(&list.encode()), &list);
        prop_assert_eq!(&Acl::parse(&list.to_string()).unwrap(), &list);
    }

    #[test]
    fn bytes_say_the_same_decoded_or_not(bytes in prop::collection::vec(0u8..5, 0..40), groups in 0usize..3) {
        let (list, user) = (Acl::decode(&bytes), name("a"));
        let groups = vec![name("b"); groups];
        for user in [None, Some(&user)] {
            let who = Who { name: user, groups: &groups, ..Who::ANONYMOUS };
            prop_assert_eq!(list.checked(&who), rights_in(&bytes, &who));
        }
    }

    #[test]
    fn arbitrary_text_and_bytes_never_panic(text: String, bytes: Vec<u8>) {
        let _ = text.parse::<Rule>();
        let _ = Acl::parse(&text);
        prop_assert_eq!(Acl::decode(&bytes).encode().len() <= bytes.len() + 1, true);
    }

    #[test]
    fn adding_and_removing_is_what_sets_do(before in any_rule(), change in any_rule()) {
        let mut list = Acl::new(&[before]).unwrap();
        let change = Rule { subject: before.subject, scope: before.scope, ..change };
        list.add(&[change]).unwrap();
        prop_assert_eq!(list.rules()[0].rights, before.rights | change.rights);
        list.remove(&[change]).unwrap();
        let left = (before.rights | change.rights).without(change.rights);
        prop_assert_eq!(list.rules().first().map_or(Rights::NONE, |r| r.rights), left);
        prop_assert!(LETTERS.iter().all(|(_, r)| change.rights.0 & r.0 == 0 || left.0 & r.0 == 0));
    }
}
