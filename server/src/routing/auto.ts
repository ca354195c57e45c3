/** `auto` without a route: the cheapest able model of each vendor with a key, then the local servers. */
import { looksLikeChat, looksStable } from '../catalogue/names.ts';
import type { ModelInfo, Provider } from '../contract/provider.ts';
import { type Dropped, describeLack, hasRoom, type Lack, lackOf, type Needs } from './able.ts';
import { byOffer, type Candidate, type Offer, type Offers, RANK, type RouterSnapshot } from './offers.ts';

const MINUTE = 60_000;
/** As many as there are attempts by default: more would never be tried. */
const MOST_VENDORS = 4;

interface Choice extends Offer {
  candidate: Candidate;
}

interface AutoPlan {
  targets: { candidate: Candidate; reason: string }[];
  dropped: (Dropped & { lack: Lack })[];
}

export interface Auto {
  /** `usable`: nothing keeps it from being called now. Others are chosen only where no such one is left. */
  choose(needs: Needs, hints: readonly string[], at: number, usable: (candidate: Candidate) => boolean): AutoPlan;
}

const isChat = (id: string, info: ModelInfo | null): boolean => info?.chat ?? looksLikeChat(id);

export function createAuto(snapshot: RouterSnapshot, offers: Offers): Auto {
  const { catalogue } = snapshot;
  let minute = Number.NaN;
  let kept: Choice[][] = [];

  /** Chat models, those with a lasting name if there are some. */
  function chatModels(provider: Provider, names: readonly string[]): readonly string[] {
    const chat = names.filter((name) => isChat(name, offers.info(provider, name)));
    const stable = chat.filter(looksStable);
    return stable.length === 0 ? chat : stable;
  }

  /**
   * Names to choose from: the curated ones, less those that the vendor's own list no longer has; where nothing is left
   * of them, whatever chat models the vendor told us; where it told none, what the catalogue has.
   */
  function namesFor(provider: Provider): readonly string[] {
    const vendor = provider.vendor === null || provider.local ? null : provider.vendor.name;
    const own = provider.models;
    const curated = vendor === null ? [] : catalogue.autoModels(vendor);
    const current = own.length === 0 ? curated : curated.filter((name) => own.includes(name));
    if (current.length > 0) return current;
    const told = chatModels(provider, own);
    if (told.length > 0 || vendor === null) return told;
    return curated.length > 0 ? curated : chatModels(provider, catalogue.vendorModels(vendor));
  }

  function choicesOf(provider: Provider, at: number): Choice[] {
    const choices = namesFor(provider).map((name) => ({
      ...offers.offer(provider, name, at),
      candidate: offers.candidate(provider, name),
    }));
    // What a vendor makes is no reason here: only the price is. Local models cost the same: the first one it named.
    for (const choice of choices) {
      if (choice.rank === RANK.maker) choice.rank = choice.price === null ? RANK.unpriced : RANK.priced;
    }
    return choices.sort(byOffer);
  }

  /** Prices hold for a minute at least, so the order is made once a minute: 0.2 ms for 45 vendors. */
  function choices(at: number): Choice[][] {
    const now = Math.floor(at / MINUTE);
    if (now !== minute) {
      kept = snapshot.providers.filter((provider) => !provider.anyModel).map((provider) => choicesOf(provider, at));
      minute = now;
    }
    return kept;
  }

  /** The first of them where the answer has room too, else the first. */
  function fitting(list: readonly Choice[], needs: Needs): Choice | undefined {
    return list.find(({ candidate }) => hasRoom(candidate.info, needs)) ?? list[0];
  }

  function reasonOf(choice: Choice, place: number, hinted: boolean): string {
    const start = hinted ? 'hinted, ' : '';
    if (choice.rank === RANK.local) return `${start}local server`;
    if (choice.rank === RANK.simulator) return `${start}free of charge`;
    if (choice.price === null) return `${start}able, price unknown`;
    return `${start}${place === 0 ? 'cheapest able' : 'next cheapest able'}: ${offers.sayPrice(choice.price)}`;
  }

  return {
    choose(needs, hints, at, usable) {
      const dropped: AutoPlan['dropped'] = [];
      const chosen: Choice[] = [];
      const resting = new Set<Choice>();
      for (const ofVendor of choices(at)) {
        const first = ofVendor[0];
        if (first === undefined) continue;
        const able = ofVendor.filter(({ candidate }) => lackOf(candidate.info, needs) === null);
        const best = fitting(able, needs);
        if (best !== undefined) {
          chosen.push(best);
          if (usable(best.candidate)) continue;
          resting.add(best);
          const other = fitting(
            able.filter(({ candidate }) => usable(candidate)),
            needs,
          );
          if (other !== undefined) chosen.push(other);
        } else {
          const { info } = first.candidate;
          const lack = lackOf(info, needs) ?? 'context';
          const reason = describeLack(lack, info, needs);
          dropped.push({ provider: first.provider.name, model: first.model, reason, lack });
        }
      }
      chosen.sort(byOffer);
      const hinted = [...new Set(hints)].flatMap((hint) => chosen.filter((choice) => choice.provider.name === hint));
      const others = chosen.filter((choice) => !hinted.includes(choice));
      const vendors = others.filter((choice) => choice.rank < RANK.local);
      const rest = others.filter((choice) => choice.rank >= RANK.local);
      const room = Math.max(0, MOST_VENDORS - hinted.filter((choice) => !resting.has(choice)).length);
      // Who rests takes nobody's place, but is named, so that the plan can say why it was left out.
      let taken = 0;
      const some = vendors.filter((choice) => resting.has(choice) || taken++ < room);
      const targets = [...hinted, ...some, ...rest].map((choice) => ({
        candidate: choice.candidate,
        reason: reasonOf(choice, vendors.indexOf(choice), hinted.includes(choice)),
      }));
      return { targets, dropped };
    },
  };
}
