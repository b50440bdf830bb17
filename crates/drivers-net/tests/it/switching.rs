//! One network: who reaches whom, as security groups say.

use crate::rig::{Rig, ask, closed, echo_peer, reached, skipped};
use drivers_net::conformance::objects::{group, network, port, put, remove, rule, subnet, tcp_group};
use network::driver::{Direction, LNetwork, LPort, LSecurityGroup, LSubnet, NetworkBackend, Remote};

#[tokio::test(flavor = "multi_thread")]
async fn guests_of_one_network_meet_as_their_groups_say() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, b) = (port(&sub, 11, &[&web]), port(&sub, 12, &[&web]));
    let objects = [put(net), put(sub.clone()), put(web.clone()), put(a.clone()), put(b.clone())];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    echo_peer(&gb.netns, 81).await;
    assert_eq!(reached(&ga.netns, "10.1.0.12", 80).await, "10.1.0.11");
    assert_eq!(ask(&ga.netns, "10.1.0.12", 81).await, None, "no rule lets port 81 in");

    let both = LSecurityGroup { id: web.id.clone(), ..tcp_group(&[80, 81]) };
    rig.backend.apply(&[put(both)]).await.unwrap();
    reached(&ga.netns, "10.1.0.12", 81).await;
    rig.backend.apply(&[put(LSecurityGroup { id: web.id.clone(), ..tcp_group(&[81]) })]).await.unwrap();
    closed(&ga.netns, "10.1.0.12", 80).await;
    reached(&ga.netns, "10.1.0.12", 81).await;

    rig.backend.apply(&[put(LPort { admin_up: false, ..b.clone() })]).await.unwrap();
    closed(&ga.netns, "10.1.0.12", 81).await;
    rig.backend.apply(&[put(b)]).await.unwrap();
    reached(&ga.netns, "10.1.0.12", 81).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_may_name_a_group_and_a_port_without_groups_passes_nothing() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, friends) = (network(), group([]));
    let sub = subnet(&net, "10.2.0.0/24");
    // The group that the rule names is put after the rule: nothing but the order of this list says so.
    let server = group([rule(Direction::Ingress, Some(6), Some((80, 80)), Remote::Group(friends.id.clone()))]);
    let (friend, stranger, loner, b) =
        (port(&sub, 11, &[&friends]), port(&sub, 12, &[&server]), port(&sub, 13, &[]), port(&sub, 20, &[&server]));
    rig.backend
        .apply(&[put(net), put(sub.clone()), put(server.clone()), put(b.clone()), put(stranger.clone())])
        .await
        .unwrap();
    rig.backend.apply(&[put(friends.clone()), put(friend.clone()), put(loner.clone())]).await.unwrap();
    let gb = rig.ready_guest(0, &b, "").await;
    echo_peer(&gb.netns, 80).await;
    let (gf, gs, gl) = (
        rig.ready_guest(0, &friend, "").await,
        rig.ready_guest(0, &stranger, "").await,
        rig.ready_guest(0, &loner, "").await,
    );
    reached(&gf.netns, "10.2.0.20", 80).await;
    assert_eq!(ask(&gs.netns, "10.2.0.20", 80).await, None, "it is not in the group that the rule names");
    assert_eq!(ask(&gl.netns, "10.2.0.20", 80).await, None, "no group lets it out");
    // Joining the group opens the way.
    rig.backend
        .apply(&[put(LPort { groups: [server.id.clone(), friends.id.clone()].into(), ..stranger.clone() })])
        .await
        .unwrap();
    reached(&gs.netns, "10.2.0.20", 80).await;
    rig.backend.apply(&[remove(friend)]).await.unwrap();
    closed(&gf.netns, "10.2.0.20", 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sends_as_itself_unless_its_port_allows_more() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub: LSubnet = subnet(&net, "10.3.0.0/24");
    let (a, b) = (port(&sub, 11, &[&web]), port(&sub, 12, &[&web]));
    rig.backend.apply(&[put(net), put(sub.clone()), put(web), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.3.0.12", 80).await;
    // It takes another address.
    let switch_to = |address: &str| {
        vec![
            "address flush dev eth0".to_owned(),
            format!("address add {address}/24 dev eth0"),
            "neigh flush dev eth0".to_owned(),
        ]
    };
    ga.netns.ip(&switch_to("10.3.0.99")).await.unwrap();
    assert_eq!(ask(&ga.netns, "10.3.0.12", 80).await, None);
    let pair = (a.mac.clone(), "10.3.0.99/32".parse().unwrap());
    rig.backend.apply(&[put(LPort { allowed_pairs: vec![pair], ..a.clone() })]).await.unwrap();
    assert_eq!(reached(&ga.netns, "10.3.0.12", 80).await, "10.3.0.99");
    rig.backend.apply(&[put(LPort { port_security: false, groups: [].into(), ..a.clone() })]).await.unwrap();
    ga.netns.ip(&switch_to("10.3.0.98")).await.unwrap();
    assert_eq!(reached(&ga.netns, "10.3.0.12", 80).await, "10.3.0.98");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stateless_group_needs_a_rule_for_the_answer() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let net = network();
    let sub = subnet(&net, "10.4.0.0/24");
    let server = LSecurityGroup { stateful: false, ..tcp_group(&[80]) };
    let deaf = LSecurityGroup { stateful: false, ..group([]) };
    let hearing = rule(Direction::Ingress, Some(6), None, Remote::Prefix("10.4.0.12/32".parse().unwrap()));
    let hearing = LSecurityGroup { id: deaf.id.clone(), stateful: false, ..group([hearing]) };
    let (a, b) = (port(&sub, 11, &[&deaf]), port(&sub, 12, &[&server]));
    rig.backend.apply(&[put(net), put(sub), put(server), put(deaf), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    assert_eq!(ask(&ga.netns, "10.4.0.12", 80).await, None, "the answer is not let in");
    rig.backend.apply(&[put(hearing)]).await.unwrap();
    reached(&ga.netns, "10.4.0.12", 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_down_passes_nothing() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.5.0.0/24");
    let (a, b) = (port(&sub, 11, &[&web]), LPort { port_security: false, ..port(&sub, 12, &[]) });
    rig.backend.apply(&[put(net.clone()), put(sub), put(web), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.5.0.12", 80).await;
    rig.backend.apply(&[put(LNetwork { admin_up: false, ..net.clone() })]).await.unwrap();
    closed(&ga.netns, "10.5.0.12", 80).await;
    rig.backend.apply(&[put(net)]).await.unwrap();
    reached(&ga.netns, "10.5.0.12", 80).await;
}
