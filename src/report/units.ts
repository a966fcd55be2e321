/**
 * Numbers for people: counts with thousands separators, rates, durations, moments. Plain functions
 * of their arguments, without locale or time zone, so that reports are the same everywhere.
 */

/** `1234567` as `1,234,567`. */
export function countText(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 packet`, `2 packets`. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Three significant digits with K, M or G (powers of 1000): `12.3 M`. */
export function scaledText(value: number): string {
  const units = ['', ' K', ' M', ' G', ' T'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  if (unit === 0) return String(Math.round(scaled));
  return `${scaled.toPrecision(3)}${units[unit]}`;
}

/** Seconds as `0.123 s`, `12.3 s`, `4 min 5 s`, `2 h 3 min`, `3 d 4 h`. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(3) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return `${minutes} min ${whole % 60} s`;
}

/** Seconds since 1970 as `2026-11-24 18:00:00 UTC`. */
export function momentText(seconds: number): string {
  const moment = new Date(Math.floor(seconds) * 1000);
  if (Number.isNaN(moment.getTime())) return `${seconds} s since 1970`;
  return `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
