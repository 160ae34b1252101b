export * from './core/core';
export * from './core/types';
export { sliceStart } from './core/part';
