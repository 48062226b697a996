//! Users, secrets, tenants and quotas of names against a naive model, and against a rebuilt index.

use super::*;
use crate::index::map::Lookup;
use crate::io::sim::Keep;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const USERS: [&str; 3] = ["ann", "bob", "cyd"];
const TENANTS: [&str; 2] = ["acme", "umbrella"];
const GROUPS: [&str; 3] = ["dev", "eng", "ops"];

#[derive(Clone, Debug)]
enum Step {
    User(usize, bool),
    DropUser(usize),
    Groups(usize, usize),
    Key(usize, usize),
    Secret(String, bool),
    DropKey(String),
    Tenant(usize, bool),
    DropTenant(usize),
    DropVolume(usize),
    Assign(usize, usize),
    Revoke(usize, usize),
    Admin(usize, usize, bool, bool),
    Quota(usize, u64),
    Bucket(usize, usize),
    DropBucket(usize, usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct User {
    admin: bool,
    groups: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    user: String,
    secret: String,
    previous: Option<String>,
    tenant: Option<(String, bool, bool)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Vol {
    tenant: bool,
    quota: Option<u64>,
    names: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    users: BTreeMap<String, User>,
    keys: BTreeMap<String, Key>,
    volumes: BTreeMap<String, Vol>,
}

fn own_key(user: usize, n: usize) -> String {
    format!("{}-key{n}", USERS[user])
}

fn access_id(tenant: usize, user: usize) -> String {
    format!("{}${}", TENANTS[tenant], USERS[user])
}

fn secret_of(step: usize) -> String {
    format!("secret-of-step-{step}")
}

impl Step {
    fn random(rng: &mut sim::Rng) -> Self {
        let (user, tenant, n) = (rng.below(3), rng.below(2), rng.below(2));
        let (yes, also) = (rng.below(2) == 0, rng.below(3) == 0);
        let some_key = match rng.below(2) {
            0 => own_key(user, n),
            _ => access_id(tenant, user),
        };
        match rng.below(20) {
            0 | 1 => Self::User(user, also),
            2 => Self::DropUser(user),
            3 => Self::Groups(user, rng.below(8)),
            4 => Self::Key(user, n),
            5 | 6 => Self::Secret(some_key, yes),
            7 => Self::DropKey(some_key),
            8 | 9 => Self::Tenant(tenant, yes),
            10 => Self::DropTenant(tenant),
            11 => Self::DropVolume(tenant),
            12 | 13 => Self::Assign(tenant, user),
            14 => Self::Revoke(tenant, user),
            15 => Self::Admin(tenant, user, yes, also),
            16 => Self::Quota(tenant, rng.below(4) as u64),
            17 | 18 => Self::Bucket(tenant, n),
            _ => Self::DropBucket(tenant, n),
        }
    }

    fn command(&self, ns: &Ns, number: usize) -> Command {
        let secret = || Some(Secret::new(secret_of(number)).unwrap());
        let bucket = |n: &usize| format!("bucket{n}");
        match self {
            Self::User(user, admin) => Command::CreateUser {
                name: USERS[*user].into(),
                display_name: None,
                access_key: Some(own_key(*user, 0)),
                secret: secret(),
                admin: *admin,
                groups: Vec::new(),
            },
            Self::DropUser(user) => Command::DeleteUser {
                name: USERS[*user].into(),
            },
            Self::Groups(user, mask) => Command::SetUserGroups {
                name: USERS[*user].into(),
                groups: groups(*mask),
            },
            Self::Key(user, n) => Command::CreateSecret {
                user: USERS[*user].into(),
                access_key: Some(own_key(*user, *n)),
                secret: secret(),
            },
            Self::Secret(key, keep) => Command::SetSecret {
                access_key: key.clone(),
                secret: secret(),
                keep_old: keep.then_some(crate::base::Timestamp(u64::MAX)),
            },
            Self::DropKey(key) => Command::RevokeSecret {
                access_key: key.clone(),
            },
            Self::Tenant(tenant, force) => Command::CreateTenant {
                name: TENANTS[*tenant].into(),
                owner: "admin".into(),
                force: *force,
            },
            Self::DropTenant(tenant) => Command::DeleteTenant {
                name: TENANTS[*tenant].into(),
            },
            Self::DropVolume(tenant) => Command::DeleteVolume {
                name: TENANTS[*tenant].into(),
            },
            Self::Assign(tenant, user) => Command::AssignTenantUser {
                tenant: TENANTS[*tenant].into(),
                user: USERS[*user].into(),
                access_id: None,
                secret: secret(),
            },
            Self::Revoke(tenant, user) => Command::RevokeTenantUser {
                access_id: access_id(*tenant, *user),
            },
            Self::Admin(tenant, user, admin, delegated) => Command::SetTenantAdmin {
                access_id: access_id(*tenant, *user),
                admin: *admin,
                delegated: *delegated,
            },
            Self::Quota(tenant, quota) => Command::SetVolumeQuota {
                name: TENANTS[*tenant].into(),
                bytes: QuotaChange::Keep,
                namespace: match quota {
                    0 => QuotaChange::Clear,
                    n => QuotaChange::Set(*n),
                },
                used: None,
            },
            Self::Bucket(tenant, n) => create_bucket(TENANTS[*tenant], &bucket(n)),
            Self::DropBucket(tenant, n) => {
                let volume = TENANTS[*tenant];
                let found = ns.reader().entry(volume, &bucket(n)).unwrap();
                let id = found.and_then(|found| found.bucket().map(|b| b.id));
                Command::DeleteBucket {
                    volume: volume.into(),
                    name: bucket(n),
                    expect: id.unwrap_or(crate::base::BucketId(0)),
                }
            }
        }
    }
}

fn groups(mask: usize) -> Vec<String> {
    let chosen = GROUPS
        .iter()
        .enumerate()
        .filter(|(n, _)| mask >> n & 1 == 1);
    chosen.map(|(_, name)| (*name).to_owned()).collect()
}

impl Model {
    /// Does what a step should do; the error is of no kind.
    fn apply(&mut self, step: &Step, number: usize) -> Option<()> {
        let secret = secret_of(number);
        match step {
            Step::User(user, admin) => {
                let key = own_key(*user, 0);
                let free = !self.users.contains_key(USERS[*user]) && !self.keys.contains_key(&key);
                free.then_some(())?;
                let made = User {
                    admin: *admin,
                    groups: Vec::new(),
                };
                self.users.insert(USERS[*user].into(), made);
                self.add_key(key, USERS[*user], secret, None)?;
            }
            Step::DropUser(user) => {
                self.users.remove(USERS[*user])?;
                self.keys.retain(|_, key| key.user != USERS[*user]);
            }
            Step::Groups(user, mask) => {
                self.users.get_mut(USERS[*user])?.groups = groups(*mask);
            }
            Step::Key(user, n) => {
                self.users.get(USERS[*user])?;
                self.add_key(own_key(*user, *n), USERS[*user], secret, None)?;
            }
            Step::Secret(key, keep) => {
                let key = self.keys.get_mut(key)?;
                let old = std::mem::replace(&mut key.secret, secret);
                key.previous = keep.then_some(old);
            }
            Step::DropKey(key) => {
                self.keys.get(key).filter(|key| key.tenant.is_none())?;
                self.keys.remove(key);
            }
            Step::Tenant(tenant, force) => {
                let volume = self.volumes.entry(TENANTS[*tenant].into());
                let fresh = matches!(volume, std::collections::btree_map::Entry::Vacant(_));
                let volume = volume.or_default();
                (!volume.tenant && (fresh || *force)).then_some(())?;
                volume.tenant = true;
            }
            Step::DropTenant(tenant) => {
                let used = self.keys.values().any(|key| key.is_of(TENANTS[*tenant]));
                let volume = self.volumes.get_mut(TENANTS[*tenant])?;
                (volume.tenant && !used).then_some(())?;
                volume.tenant = false;
            }
            Step::DropVolume(tenant) => {
                let volume = self.volumes.get(TENANTS[*tenant])?;
                (!volume.tenant && volume.names.is_empty()).then_some(())?;
                self.volumes.remove(TENANTS[*tenant]);
            }
            Step::Assign(tenant, user) => {
                self.users.get(USERS[*user])?;
                self.volumes.get(TENANTS[*tenant]).filter(|v| v.tenant)?;
                let member = Some((TENANTS[*tenant].to_owned(), false, false));
                self.add_key(access_id(*tenant, *user), USERS[*user], secret, member)?;
            }
            Step::Revoke(tenant, user) => {
                let id = access_id(*tenant, *user);
                let admin = self.keys.get(&id)?.tenant.as_ref()?.1;
                (!admin).then(|| self.keys.remove(&id))?;
            }
            Step::Admin(tenant, user, admin, delegated) => {
                let key = self.keys.get_mut(&access_id(*tenant, *user))?;
                (*admin || !*delegated).then_some(())?;
                let member = key.tenant.as_mut()?;
                (member.1, member.2) = (*admin, *delegated);
            }
            Step::Quota(tenant, quota) => {
                let volume = self.volumes.get_mut(TENANTS[*tenant])?;
                (*quota == 0 || *quota >= volume.names.len() as u64).then_some(())?;
                volume.quota = Some(*quota).filter(|quota| *quota > 0);
            }
            Step::Bucket(tenant, n) => {
                let volume = self.volumes.get_mut(TENANTS[*tenant])?;
                let name = format!("bucket{n}");
                let full = volume.quota.is_some_and(|q| volume.names.len() as u64 >= q);
                (!full && !volume.names.contains(&name)).then_some(())?;
                volume.names.push(name);
                volume.names.sort();
            }
            Step::DropBucket(tenant, n) => {
                let volume = self.volumes.get_mut(TENANTS[*tenant])?;
                let name = format!("bucket{n}");
                let at = volume.names.iter().position(|known| *known == name)?;
                volume.names.remove(at);
            }
        }
        Some(())
    }

    fn add_key(
        &mut self,
        key: String,
        user: &str,
        secret: String,
        tenant: Option<(String, bool, bool)>,
    ) -> Option<()> {
        (!self.keys.contains_key(&key)).then_some(())?;
        let made = Key {
            user: user.to_owned(),
            secret,
            previous: None,
            tenant,
        };
        self.keys.insert(key, made);
        Some(())
    }

    /// What a namespace holds, in the model's words; every way to ask must give the same.
    fn of(reader: &NamespaceReader) -> Self {
        let mut model = Self::default();
        for user in reader.list_users(None, 99).unwrap() {
            if user.name == "admin" {
                continue;
            }
            let groups: Vec<_> = user.groups.iter().map(ToString::to_string).collect();
            for access_key in user.access_keys.iter().chain(&user.tenant_ids) {
                let found = reader.user_by_access_key(access_key).unwrap().unwrap();
                assert_eq!((found.user, found.id), (user.name, user.id));
                assert_eq!(found.groups, user.groups);
                assert_eq!(found.admin, user.admin && found.tenant.is_none());
                let tenant = found.tenant.map(|tenant| tenant.to_string());
                assert_eq!(tenant.is_some(), user.tenant_ids.contains(access_key));
                let key = Key {
                    user: user.name.to_string(),
                    secret: found.secret.expose().to_owned(),
                    previous: found.previous.map(|(old, _)| old.expose().to_owned()),
                    tenant: tenant.map(|t| (t, found.tenant_admin, found.delegated)),
                };
                model.keys.insert(access_key.clone(), key);
            }
            let made = User {
                admin: user.admin,
                groups,
            };
            model.users.insert(user.name.to_string(), made);
        }
        let mut tenants = Vec::new();
        for volume in reader.list_volumes("", None, 99).unwrap() {
            if volume.name == S3_VOLUME {
                continue;
            }
            let entries = reader.list_buckets(&volume.name, "", None, 99).unwrap();
            assert_eq!(entries.len() as u64, volume.used_namespace);
            let users = reader.tenant_users(&volume.name, None, 99).unwrap();
            assert_eq!(users.len(), volume.references as usize);
            for user in users {
                let key = &model.keys[&user.access_id];
                let place = (user.tenant.to_string(), user.admin, user.delegated);
                assert_eq!(
                    (&key.user[..], key.tenant.as_ref()),
                    (&*user.user, Some(&place))
                );
            }
            if volume.tenant {
                tenants.push(volume.name);
            }
            let made = Vol {
                tenant: volume.tenant,
                quota: volume.quota_namespace,
                names: entries.iter().map(|e| e.name.to_string()).collect(),
            };
            model.volumes.insert(volume.name.to_string(), made);
        }
        let listed = reader.list_tenants("", None, 99).unwrap();
        assert!(listed.iter().map(|tenant| tenant.name).eq(tenants));
        model
    }
}

impl Key {
    fn is_of(&self, tenant: &str) -> bool {
        self.tenant
            .as_ref()
            .is_some_and(|(name, ..)| name == tenant)
    }
}

fn dump(reader: &NamespaceReader) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        all.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    reader.hold().scan(&[], visit).expect("sound");
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Every reply, every state, and a crash in the end: what is rebuilt is what was kept up.
    #[test]
    fn users_and_tenants_behave_as_the_naive_model(seed: u64, length in 1usize..90) {
        let mut rng = sim::Rng::new(seed);
        let steps: Vec<_> = (0..length).map(|_| Step::random(&mut rng)).collect();
        sim::run(1, async {
            let disk = SimDisk::new(1);
            let made = Namespace::create(disk.clone(), SimClock, config(1), first_user()).await;
            let (ns, _) = made.expect("created");
            sim::spawn(ns.run());
            let mut model = Model::default();
            for (number, step) in steps.iter().enumerate() {
                let mut next = model.clone();
                let expected = next.apply(step, number).is_some();
                let reply = ns.apply(step.command(&ns, number)).await;
                assert_eq!(reply.is_ok(), expected, "{step:?}: {reply:?}");
                if expected {
                    model = next;
                }
                assert_eq!(Model::of(&ns.reader()), model, "{step:?}");
            }
            let after = Namespace::open(disk.crash(Keep::None), SimClock, config(1)).await;
            assert_eq!(dump(&after.expect("opens").reader()), dump(&ns.reader()));
        });
    }
}

/// D1, D5: cut the power at every event of a history of users; what is recovered is the state after
/// some prefix of the commands that includes every acknowledged one, and its index what follows.
#[test]
fn d1_d5_a_crash_at_every_event_keeps_users_and_secrets() {
    let mut checked = 0;
    for seed in 0..2 {
        let disk = SimDisk::new(seed);
        let mut rng = sim::Rng::new(seed + 1);
        let steps: Vec<_> = (0..24).map(|_| Step::random(&mut rng)).collect();
        let tiny = || NamespaceConfig {
            segment_bytes: 16 * 1024,
            snapshot_bytes: 2000,
            ..config(seed)
        };
        let mut states = vec![Model::default()];
        let trace = sim::run(seed, async {
            let made = Namespace::create(disk.clone(), SimClock, tiny(), first_user()).await;
            let (ns, _) = made.expect("created");
            sim::spawn(ns.run());
            disk.record();
            for (number, step) in steps.iter().enumerate() {
                let _ = ns.apply(step.command(&ns, number)).await;
                states.push(Model::of(&ns.reader()));
                disk.mark(number as u64 + 1);
            }
            disk.trace()
        });
        trace.replay(|index, image| {
            let acknowledged = trace.marks(index).last().unwrap_or(0);
            for keep in [Keep::None, Keep::All, Keep::Random(seed + index as u64)] {
                let disk = image.crashed_disk(keep, seed);
                let found = sim::run(seed, async {
                    let opened = Namespace::open(disk, SimClock, tiny()).await;
                    Model::of(&opened.expect("opens").reader())
                });
                let fits = states.iter().skip(usize::try_from(acknowledged).unwrap());
                assert!(
                    fits.into_iter().any(|state| *state == found),
                    "event {index}, {keep:?}"
                );
                checked += 1;
            }
        });
    }
    assert!(checked > 50, "{checked}");
}
