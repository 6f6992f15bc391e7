//! A large object of which a part has come.

use std::time::Duration;

use names::{Id, ObjectId};
use uuid::Uuid;

use super::house::{DAY, House, on_both};
use crate::Part;

const LENGTH: usize = 3_000_000;

fn bytes() -> Vec<u8> {
    (0..LENGTH).map(|at| u8::try_from(at * 7 / 5 % 251).unwrap()).collect()
}

fn somebody(house: &House) -> Uuid {
    Id::<House>::new(house.clock.now(), &house.random).uuid()
}

/// Takes in the first `until` bytes, and keeps them.
fn begin(house: &House, of: Uuid, bytes: &[u8], until: usize) {
    let mut staging = house.objects.stage();
    staging.begin();
    staging.write(&bytes[..until]).unwrap();
    house.objects.keep_part(&mut staging, of, ObjectId::of(bytes)).unwrap();
    // What comes later and is not kept is not believed.
    staging.write(&bytes[until..until + 10]).unwrap();
}

on_both! { all
    async fn an_object_goes_on_behind_what_was_kept_of_it(house: House) {
        let (bytes, of) = (bytes(), somebody(&house));
        let object = ObjectId::of(&bytes);
        begin(&house, of, &bytes, 1_000_000);
        begin(&house, of, &bytes, 2_000_000);
        let kept = house.objects.kept_part(of).unwrap();
        assert_eq!(kept, Some(Part { object, bytes: 2_000_000 }));
        assert_eq!((house.on_the_way(), house.objects.kept_part(somebody(&house)).unwrap()), (0, None));

        let mut staging = house.objects.stage();
        let resume = |staging: &mut _, bytes| {
            house.objects.resume_part(staging, of, Part { object, bytes }).unwrap()
        };
        assert!(!resume(&mut staging, 2_000_001), "so much is not here");
        let other = Part { object: ObjectId::of(b"other"), bytes: 1 };
        assert!(!house.objects.resume_part(&mut staging, of, other).unwrap());
        assert!(resume(&mut staging, 1_500_000), "less is");
        // It is on its way to another staging when a page ends.
        let mut next = house.objects.stage();
        next.go_on(staging.take_coming().unwrap());
        drop(staging);
        next.write(&bytes[1_500_000..]).unwrap();
        assert_eq!(next.end().unwrap(), object);
        house.keep(next).await;
        assert!(house.read(object).await.unwrap() == bytes);
        assert_eq!(house.objects.kept_part(of).unwrap(), None);
    }
}

#[tokio::test]
async fn what_nobody_goes_on_with_is_dropped() {
    let house = House::sqlite().await;
    let (bytes, [one, other]) = (bytes(), [(); 2].map(|()| somebody(&house)));
    begin(&house, one, &bytes, 100_000);
    begin(&house, other, &bytes, 100_000);
    house.objects.drop_part(one).unwrap();
    assert_eq!(house.objects.kept_part(one).unwrap(), None);
    assert_eq!(house.objects.drop_old_parts(DAY).unwrap(), 0);
    house.clock.advance(DAY + Duration::from_mins(1));
    assert_eq!(house.objects.drop_old_parts(DAY).unwrap(), 1);
    assert_eq!(house.objects.kept_part(other).unwrap(), None);
}
