/**
 * Scenes: a few packets in order, played through the kernel and through our replay. The expectation is
 * one short line per packet, so that a test file reads as a table of what Linux does.
 */
import { expect, test } from 'vitest';
import { kernelAvailable, WITHOUT_KERNEL } from './kernel.ts';
import { compareWithKernel } from './kernel-compare.ts';
import { type SceneOptions, type ScenePacket, sceneJob, summary } from './kernel-rules.ts';

/** A packet and the line (see `summary`) that it gives. */
export type SceneRow = readonly [packet: ScenePacket, expected: string];

/**
 * A test: these packets give these lines in the kernel (which pins what Linux does), and our replay
 * agrees in every verdict and counter.
 */
export function scene(title: string, rows: readonly SceneRow[], options: SceneOptions = {}): void {
  test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
    const packets = rows.map(([packet]) => packet);
    const comparison = await compareWithKernel(sceneJob(packets, options));
    const lines = comparison.kernel.packets.map(({ moved }) => summary(moved));
    expect(lines).toEqual(rows.map(([, expected]) => expected));
    expect(comparison.differences).toEqual([]);
    expect(comparison.undecided).toEqual([]);
  });
}
