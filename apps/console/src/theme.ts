import { Alert, type CSSVariablesResolver, createTheme, type MantineColorsTuple, Modal, Notification } from '@mantine/core';

/** A blue that is nearly ink: the one colour without a meaning. */
const ink: MantineColorsTuple = [
  '#eef3fa',
  '#dbe5f1',
  '#b5c8e1',
  '#8caad1',
  '#6a90c3',
  '#5480bb',
  '#3a669f',
  '#2c5488',
  '#22456f',
  '#173558',
];

/** Neutral, slightly cool. */
const dark: MantineColorsTuple = [
  '#d6dae0',
  '#b9bfc8',
  '#98a0ac',
  '#5d6673',
  '#3a424d',
  '#2d343d',
  '#232930',
  '#1a1f25',
  '#14181d',
  '#0f1216',
];

export const theme = createTheme({
  colors: { ink, dark },
  primaryColor: 'ink',
  // One shade for both: the letters on what is filled are white in both, and are to be read.
  primaryShade: { light: 6, dark: 6 },
  autoContrast: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  lineHeights: { xs: '1.35', sm: '1.4', md: '1.45', lg: '1.5', xl: '1.5' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.25rem', lineHeight: '1.3' },
      h2: { fontSize: '1rem', lineHeight: '1.35' },
      h3: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'sm',
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    // The border and the icon carry the colour; text is to be read.
    Alert: Alert.extend({ styles: { title: { color: 'var(--mantine-color-text)' } } }),
    Notification: Notification.extend({ styles: { description: { color: 'var(--mantine-color-text)' } } }),
    // The header of a dialog is no banner of the page.
    Modal: Modal.extend({ defaultProps: { attributes: { header: { role: 'none' } }, closeButtonProps: { 'aria-label': 'Close' } } }),
  },
});

/** Colours with a meaning, and greys that can be read: every text at least 4.5 to 1 on what it stands on. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#4b5563',
    '--mantine-color-body': '#fbfbfc',
    '--mantine-color-anchor': '#22456f',
    '--console-surface': '#ffffff',
    '--console-line': '#e2e5ea',
    '--console-hover': '#f1f4f8',
    '--console-selected': '#e7eef7',
    '--console-good': '#1a7f4b',
    '--console-bad': '#b42318',
    '--console-waiting': '#9a6300',
    '--console-doubt': '#7a3ea8',
    '--console-quiet': '#6b7280',
  },
  dark: {
    '--mantine-color-dimmed': '#a3abb7',
    '--mantine-color-body': '#14181d',
    '--mantine-color-anchor': '#a9c4e6',
    '--console-surface': '#1a1f25',
    '--console-line': '#2d343d',
    '--console-hover': '#20262d',
    '--console-selected': '#25303d',
    '--console-good': '#5cc98d',
    '--console-bad': '#f28b82',
    '--console-waiting': '#e6b455',
    '--console-doubt': '#c79af0',
    '--console-quiet': '#8b94a1',
  },
});
