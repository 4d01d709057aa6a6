const NAMESPACE = 'http://www.w3.org/2000/svg';

/** SVG paths of the icons, in a 24 × 24 view box. */
const PATHS = {
  chat: 'M20.5 11.5a8 8 0 0 1-8.3 7.7 9.6 9.6 0 0 1-3.5-.7L4 20l1.4-4A7.3 7.3 0 0 1 3.8 11.5a8 8 0 0 1 8.4-7.7 8 8 0 0 1 8.3 7.7ZM8.5 11.5h.01M12.2 11.5h.01M15.9 11.5h.01',
  down: 'm6 9.5 6 6 6-6',
  close: 'M6 6l12 12M18 6 6 18',
  send: 'M12 19.5V5M5.5 11 12 4.5l6.5 6.5',
  stop: 'M8 8h8v8H8z',
  plus: 'M12 5.5v13M5.5 12h13',
  retry: 'M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 4v4.5H15',
  copy: 'M9 9h10.5v10.5H9zM5.5 15H4.5V4.5H15v1',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  thumbUp:
    'M7.5 10.5v9M7.5 10.5l3.7-6.3c1.5 0 2.6 1.2 2.3 2.7l-.5 3.1h4.6a2 2 0 0 1 2 2.4l-1.1 5.5a2 2 0 0 1-2 1.6h-9M7.5 10.5H4v9h3.5',
  thumbDown:
    'M16.5 13.5v-9M16.5 13.5l-3.7 6.3c-1.5 0-2.6-1.2-2.3-2.7l.5-3.1H6.4a2 2 0 0 1-2-2.4l1.1-5.5a2 2 0 0 1 2-1.6h9M16.5 13.5H20v-9h-3.5',
  external:
    'M14 4.5h5.5V10M19.5 4.5 11 13M17.5 14v4a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 18V8A1.5 1.5 0 0 1 6 6.5h4',
  alert: 'M12 8v4.5M12 16h.01M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z',
} as const;

/** The name of an icon. */
export type Icon = keyof typeof PATHS;

/** An icon, hidden from screen readers. */
export function icon(name: Icon): SVGElement {
  const svg = document.createElementNS(NAMESPACE, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(NAMESPACE, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
