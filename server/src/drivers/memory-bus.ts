/** `Bus` inside one process. */
import { Bag } from '../contract/bag.ts';
import type { Bus, BusMessage } from '../contract/ports.ts';

interface Follower {
  topic: string;
  listener: (message: BusMessage) => void;
}

/** Topics come and go with every request, so there is no map of them: followers stand in buckets by the topic's last characters. */
const BUCKETS = 1024;

function bucketOf(topic: string): number {
  let hash = 0;
  for (let i = Math.max(0, topic.length - 6); i < topic.length; i++) hash = (hash * 31 + topic.charCodeAt(i)) | 0;
  return hash & (BUCKETS - 1);
}

export function createMemoryBus(): Bus {
  const buckets = Array.from({ length: BUCKETS }, () => new Bag<Follower>());
  return {
    publish(topic, message) {
      const bucket = buckets[bucketOf(topic)] as Bag<Follower>;
      if (bucket.size === 0) return;
      for (const follower of [...bucket]) if (follower.topic === topic) follower.listener(message);
    },
    follow(topic, listener) {
      const bucket = buckets[bucketOf(topic)] as Bag<Follower>;
      const follower = { topic, listener };
      const place = bucket.add(follower);
      return () => {
        if (bucket.at(place) !== follower) return;
        bucket.remove(place);
        // It may stand in the copy of a message that is being told.
        follower.listener = () => {};
      };
    },
    // It keeps nothing: the database is in the same process.
    recent: async () => null,
    drop: () => {},
    up: () => true,
    async close() {
      buckets.fill(new Bag());
    },
  };
}
